DROP TABLE legacy_change_lease;

-- It depends on every column of the table, so it goes before they do.
DROP FUNCTION legacy_change_note;
ALTER TABLE legacy_change DROP COLUMN next_attempt_at, DROP COLUMN attempts, DROP COLUMN noted_at;
COMMENT ON TABLE legacy_change IS 'Campaigns whose moved keys another service changed, until `backfill repair` has read them';
COMMENT ON COLUMN legacy_change.changes IS 'How many changes there were since it was last repaired';
COMMENT ON COLUMN legacy_change.changed_at IS 'When the last one was';

-- A campaign that is being deleted is not there any more.
CREATE FUNCTION legacy_change_note(changed integer) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path FROM CURRENT
    BEGIN ATOMIC
        INSERT INTO legacy_change AS known (campaign_id) SELECT id FROM campaign WHERE id = changed
        ON CONFLICT (campaign_id) DO UPDATE SET changes = known.changes + 1, changed_at = now();
    END;
COMMENT ON FUNCTION legacy_change_note IS 'Notes that a campaign wants repair';
