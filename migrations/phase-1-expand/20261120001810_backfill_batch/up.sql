CREATE TABLE backfill_batch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL
        CONSTRAINT backfill_batch_run_id_fkey REFERENCES backfill_run (id) ON DELETE CASCADE,
    pass integer NOT NULL,
    after_key text,
    through_key text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    token uuid,
    lease_until timestamptz(3),
    done_at timestamptz(3),
    examined integer NOT NULL DEFAULT 0,
    changed integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    quarantined integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0
);
CREATE INDEX backfill_batch_run_id_idx ON backfill_batch (run_id, pass);
CREATE INDEX backfill_batch_open_idx ON backfill_batch (run_id, id) WHERE done_at IS NULL;

COMMENT ON TABLE backfill_batch IS
    'A range of keys, worked on by whoever holds its lease and published by whoever holds its token';
COMMENT ON COLUMN backfill_batch.id IS 'Order of cutting';
COMMENT ON COLUMN backfill_batch.run_id IS 'The run';
COMMENT ON COLUMN backfill_batch.pass IS 'The pass of the run';
COMMENT ON COLUMN backfill_batch.after_key IS 'The range begins after this key; NULL: at the first';
COMMENT ON COLUMN backfill_batch.through_key IS 'The last key of the range';
COMMENT ON COLUMN backfill_batch.attempts IS 'How often it was claimed';
COMMENT ON COLUMN backfill_batch.token IS
    'Fencing token of the last claim: what is written counts only if the transaction finds it here';
COMMENT ON COLUMN backfill_batch.lease_until IS 'Until then nobody else claims it (database clock)';
COMMENT ON COLUMN backfill_batch.done_at IS 'When it was published';
COMMENT ON COLUMN backfill_batch.examined IS 'Rows read';
COMMENT ON COLUMN backfill_batch.changed IS 'Rows written';
COMMENT ON COLUMN backfill_batch.skipped IS 'Rows left to a sweep: locked, or changed since they were read';
COMMENT ON COLUMN backfill_batch.quarantined IS 'Rows written, with an entry in the quarantine';
COMMENT ON COLUMN backfill_batch.refused IS 'Rows that the database refused; each in quarantine';
