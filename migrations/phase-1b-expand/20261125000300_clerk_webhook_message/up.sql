-- A message of Clerk's comes at least once; its id is stored with what it led to.
CREATE TABLE clerk_webhook_message (
    id text PRIMARY KEY,
    received_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX clerk_webhook_message_received_at_idx ON clerk_webhook_message (received_at);

COMMENT ON TABLE clerk_webhook_message IS 'Messages of Clerk''s that were taken, for a month';
COMMENT ON COLUMN clerk_webhook_message.id IS 'The same for each attempt to deliver it';
COMMENT ON COLUMN clerk_webhook_message.received_at IS 'When it was taken';
