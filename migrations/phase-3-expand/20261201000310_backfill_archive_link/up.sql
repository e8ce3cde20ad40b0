-- `backfill clean --accept` moves the keys of a row whose tables say something else. As long as they still say that,
-- nothing has changed since, and `backfill restore` puts back the archive as it is.
ALTER TABLE backfill_archive ADD COLUMN link jsonb;
COMMENT ON COLUMN backfill_archive.link IS
    'What the tables said, if it differed from the JSON and an operator accepted that; NULL: they agreed';
