ALTER TABLE elected_office
    DROP CONSTRAINT elected_office_campaign_id_fkey,
    ADD CONSTRAINT elected_office_campaign_id_fkey
        FOREIGN KEY (campaign_id) REFERENCES campaign (id) ON UPDATE CASCADE;
