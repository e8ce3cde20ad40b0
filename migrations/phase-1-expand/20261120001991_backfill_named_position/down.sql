DROP TABLE backfill_named_position;
