DROP TABLE backfill_batch;
