-- Reads the table without keeping writers out.
ALTER TABLE elected_office VALIDATE CONSTRAINT elected_office_campaign_id_present;
ALTER TABLE elected_office VALIDATE CONSTRAINT elected_office_campaign_id_fkey;
