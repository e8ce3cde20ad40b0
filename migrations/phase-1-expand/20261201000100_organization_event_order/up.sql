-- A sequence number is drawn before its transaction commits, so a reader that follows it alone skips an event
-- whose transaction commits late. The feed is in order of transactions instead, and shows only those older than
-- any that still runs. Earlier rows are the oldest.
--
-- An older transaction may change a row after a younger one has: its event then counts as the younger one's, so
-- that the events of one organization stay in order.
ALTER TABLE organization_event ADD COLUMN transaction xid8 NOT NULL DEFAULT '0';
ALTER TABLE organization_event ALTER COLUMN transaction SET DEFAULT pg_current_xact_id();
CREATE INDEX organization_event_transaction_sequence_idx ON organization_event (transaction, sequence);

COMMENT ON COLUMN organization_event.transaction IS
    'Order of the feed: the writing transaction, or that of an earlier event of the organization if it is younger';
COMMENT ON COLUMN organization_event.sequence IS 'Order of the feed within `transaction`';
