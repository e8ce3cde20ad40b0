-- The column and the key stay as the old service had them.
ALTER TABLE elected_office DROP CONSTRAINT IF EXISTS elected_office_campaign_id_present;
