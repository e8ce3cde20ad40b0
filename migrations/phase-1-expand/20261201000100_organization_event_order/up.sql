-- A sequence number is drawn before its transaction commits, so a reader that follows it alone skips an event
-- whose transaction commits late. The feed is in order of transactions instead, and shows only transactions
-- older than any that still runs. Earlier rows are the oldest.
ALTER TABLE organization_event ADD COLUMN transaction xid8 NOT NULL DEFAULT '0';
ALTER TABLE organization_event ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
CREATE INDEX organization_event_transaction_sequence_idx ON organization_event (transaction, sequence);

COMMENT ON COLUMN organization_event.transaction IS
    'The writing transaction; the feed is ordered by it, then by sequence';
COMMENT ON COLUMN organization_event.sequence IS 'Order within the transaction';
