CREATE TABLE backfill_run (
    id uuid PRIMARY KEY,
    job text NOT NULL,
    pass integer NOT NULL DEFAULT 1,
    frontier text,
    batch_size integer NOT NULL DEFAULT 500,
    started_at timestamptz(3) NOT NULL DEFAULT now(),
    finished_at timestamptz(3),
    exit_code integer,
    report jsonb,
    CONSTRAINT backfill_run_finished_whole CHECK ((finished_at IS NULL) = (exit_code IS NULL))
);
-- Whoever runs the job joins the run that is under way.
CREATE UNIQUE INDEX backfill_run_one_under_way ON backfill_run (job) WHERE finished_at IS NULL;

COMMENT ON TABLE backfill_run IS
    'One execution of a job of the backfill, by any number of processes';
COMMENT ON COLUMN backfill_run.id IS 'UUID version 7';
COMMENT ON COLUMN backfill_run.job IS 'Which job, such as positions or verify';
COMMENT ON COLUMN backfill_run.pass IS 'Which walk over the keys; after the first come sweeps';
COMMENT ON COLUMN backfill_run.frontier IS 'Key through which this pass is cut into batches';
COMMENT ON COLUMN backfill_run.batch_size IS 'Rows that the next batch gets, tuned to its duration';
COMMENT ON COLUMN backfill_run.started_at IS 'When it began';
COMMENT ON COLUMN backfill_run.finished_at IS 'When it ended; NULL: whoever runs the job joins it';
COMMENT ON COLUMN backfill_run.exit_code IS 'How it ended, as scripts see it';
COMMENT ON COLUMN backfill_run.report IS 'What it found or did, counted; no personal data';
