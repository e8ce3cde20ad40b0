-- Why a phase could be entered: the verification that allowed it, and what was accepted by name.
ALTER TABLE migration_phase_history
    ADD COLUMN verified_by uuid,
    ADD COLUMN accepted text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN migration_phase_history.verified_by IS 'The run of `backfill verify` that allowed the change';
COMMENT ON COLUMN migration_phase_history.accepted IS 'Differences and losses that were accepted by name';
