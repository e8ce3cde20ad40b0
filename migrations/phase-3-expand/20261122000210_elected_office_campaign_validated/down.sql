-- A validated constraint is dropped by the migration that added it.
SELECT 1;
