ALTER TABLE backfill_run ADD COLUMN last_key text;
COMMENT ON COLUMN backfill_run.last_key IS
    'The last key when it began: rows inserted later are left to the next run; NULL: no such bound';
