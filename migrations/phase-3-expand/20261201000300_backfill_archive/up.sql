-- `backfill clean` moves the old keys here in the statement that removes them from the JSON; `backfill restore`
-- puts them back.
CREATE TABLE backfill_archive (
    campaign_id integer PRIMARY KEY REFERENCES campaign (id) ON DELETE CASCADE ON UPDATE CASCADE,
    details jsonb,
    path_to_victory jsonb,
    run_id uuid NOT NULL,
    archived_at timestamptz(3) NOT NULL DEFAULT now()
);

COMMENT ON TABLE backfill_archive IS
    'Office and district as the old JSON of a campaign said them, exactly as they were';
COMMENT ON COLUMN backfill_archive.campaign_id IS 'The campaign; its archive is deleted with it';
COMMENT ON COLUMN backfill_archive.details IS 'Members removed from campaign.details; NULL: none';
COMMENT ON COLUMN backfill_archive.path_to_victory IS 'Members removed from path_to_victory.data; NULL: none';
COMMENT ON COLUMN backfill_archive.run_id IS 'The run that removed them; no reference, because the archive outlives runs';
COMMENT ON COLUMN backfill_archive.archived_at IS 'When';
