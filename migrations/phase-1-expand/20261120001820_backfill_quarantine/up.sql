CREATE TABLE backfill_quarantine (
    source_table text NOT NULL,
    source_key text NOT NULL,
    code text NOT NULL,
    detail text,
    run_id uuid NOT NULL,
    recorded_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (source_table, source_key, code)
);

COMMENT ON TABLE backfill_quarantine IS
    'Rows of the old service that people should look at; they block nothing';
COMMENT ON COLUMN backfill_quarantine.source_table IS 'Table of the row';
COMMENT ON COLUMN backfill_quarantine.source_key IS 'Its key, as text';
COMMENT ON COLUMN backfill_quarantine.code IS 'What is wrong, such as position-id-number';
COMMENT ON COLUMN backfill_quarantine.detail IS 'More of it; no personal data';
COMMENT ON COLUMN backfill_quarantine.run_id IS 'The run that found it; no reference, for entries outlive runs';
COMMENT ON COLUMN backfill_quarantine.recorded_at IS 'When';
