ALTER TABLE backfill_run DROP COLUMN last_key;
