DROP INDEX organization_event_transaction_sequence_idx;
ALTER TABLE organization_event DROP COLUMN transaction;
COMMENT ON COLUMN organization_event.sequence IS 'Order of the feed';
