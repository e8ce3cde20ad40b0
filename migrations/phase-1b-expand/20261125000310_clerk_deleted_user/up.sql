-- A session token outlives the user it is for, and so does what was asked about them: nobody links them
-- again. Clerk gives no id twice.
CREATE TABLE clerk_deleted_user (
    id text PRIMARY KEY,
    deleted_at timestamptz(3) NOT NULL DEFAULT now()
);

COMMENT ON TABLE clerk_deleted_user IS 'Users whom Clerk has deleted, as its messages say';
COMMENT ON COLUMN clerk_deleted_user.id IS 'Clerk''s id';
COMMENT ON COLUMN clerk_deleted_user.deleted_at IS 'When the message was taken';
