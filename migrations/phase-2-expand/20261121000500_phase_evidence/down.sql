ALTER TABLE migration_phase_history DROP COLUMN accepted, DROP COLUMN verified_by;
