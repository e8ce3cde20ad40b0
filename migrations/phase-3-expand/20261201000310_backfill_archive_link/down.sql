ALTER TABLE backfill_archive DROP COLUMN link;
