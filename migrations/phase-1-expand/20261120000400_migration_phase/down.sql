DROP FUNCTION migration_phase_for_writing;
DROP TABLE migration_phase_history, migration_phase;
