DROP TABLE backfill_quarantine;
