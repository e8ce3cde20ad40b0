-- The function that tells our writes from others stays: events name the writer.
DROP FUNCTION legacy_change_note(integer);
DROP TABLE legacy_change, legacy_change_lease, legacy_change_of_deleted;
DROP FUNCTION legacy_change_remember();
