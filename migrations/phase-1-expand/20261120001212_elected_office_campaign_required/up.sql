-- The CHECK proves it, so that the table is not read under the lock.
ALTER TABLE elected_office ALTER COLUMN campaign_id SET NOT NULL;
ALTER TABLE elected_office DROP CONSTRAINT elected_office_campaign_id_present;
