-- What the old service had stays as it had it.
SELECT 1;
