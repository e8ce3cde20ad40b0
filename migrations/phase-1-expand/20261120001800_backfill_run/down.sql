DROP TABLE backfill_run;
