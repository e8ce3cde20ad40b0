ALTER TABLE elected_office
    DROP CONSTRAINT elected_office_organization_fkey,
    DROP CONSTRAINT elected_office_organization_type_constant,
    DROP CONSTRAINT elected_office_position_id_fkey,
    DROP CONSTRAINT elected_office_custom_position_own,
    DROP CONSTRAINT elected_office_district_whole,
    DROP CONSTRAINT elected_office_campaign_id_fkey,
    ADD CONSTRAINT elected_office_campaign_id_fkey
        FOREIGN KEY (campaign_id) REFERENCES campaign (id) ON DELETE NO ACTION ON UPDATE CASCADE;
