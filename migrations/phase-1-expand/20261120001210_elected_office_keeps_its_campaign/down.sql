-- The column and the key stay as the old service had them; the CHECK goes with the migration that made it.
SELECT 1;
