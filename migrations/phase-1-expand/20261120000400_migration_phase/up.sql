CREATE TABLE migration_phase (
    only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT migration_phase_only_row CHECK (only_row),
    phase text NOT NULL CONSTRAINT migration_phase_known
        CHECK (phase IN ('legacy', 'phase-1', 'phase-2', 'phase-3')),
    since timestamptz(3) NOT NULL DEFAULT now()
);
INSERT INTO migration_phase (phase) VALUES ('legacy');

CREATE TABLE migration_phase_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_phase text NOT NULL,
    to_phase text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    at timestamptz(3) NOT NULL DEFAULT now()
);

-- A function, because a plain statement would take its snapshot before it waits for the lock and so
-- read the phase that an advance, holding the lock, was about to replace. Every statement within a
-- volatile function has a snapshot of its own.
CREATE FUNCTION migration_phase_for_writing() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7746532103);
    RETURN (SELECT phase FROM migration_phase);
END
$$;

COMMENT ON TABLE migration_phase IS 'The phase, read by every process (design §3)';
COMMENT ON COLUMN migration_phase.only_row IS 'There is one row';
COMMENT ON COLUMN migration_phase.phase IS 'Where office and district are written and read';
COMMENT ON COLUMN migration_phase.since IS 'Since when';
COMMENT ON TABLE migration_phase_history IS 'Append-only: every change of the phase';
COMMENT ON COLUMN migration_phase_history.id IS 'Order';
COMMENT ON COLUMN migration_phase_history.from_phase IS 'Before';
COMMENT ON COLUMN migration_phase_history.to_phase IS 'After';
COMMENT ON COLUMN migration_phase_history.actor IS 'Who';
COMMENT ON COLUMN migration_phase_history.reason IS 'Why';
COMMENT ON COLUMN migration_phase_history.at IS 'When';
COMMENT ON FUNCTION migration_phase_for_writing IS
    'The phase for the rest of this transaction: an advance waits for the transaction to end';
