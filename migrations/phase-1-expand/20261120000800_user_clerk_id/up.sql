ALTER TABLE "user" ADD COLUMN clerk_id text;
COMMENT ON COLUMN "user".clerk_id IS 'Clerk''s id of the user, once linked; never re-bound';
