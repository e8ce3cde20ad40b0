ALTER TABLE "user"
    ADD COLUMN legacy_tokens_after timestamptz(3),
    ADD COLUMN proven_email text;

COMMENT ON COLUMN "user".legacy_tokens_after IS
    'Session tokens of the old service count only when issued later; set when Clerk''s id is linked';
COMMENT ON COLUMN "user".proven_email IS
    'The address before the first change that nobody has proven; NULL while the address is proven';
