-- Nothing else has these values.
DO $$ BEGIN
    IF EXISTS (SELECT FROM backfill_archive) THEN
        RAISE EXCEPTION 'backfill_archive is not empty: run `backfill restore` first';
    END IF;
END $$;
DROP TABLE backfill_archive;
