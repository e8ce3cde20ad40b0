-- The migration before this one makes the column required again when it is undone.
ALTER TABLE elected_office DROP CONSTRAINT IF EXISTS elected_office_campaign_id_present;
