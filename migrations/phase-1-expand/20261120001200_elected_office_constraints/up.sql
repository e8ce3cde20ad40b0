-- NOT VALID: the table is not read under the lock; the next migration validates. Deleting a campaign
-- no longer touches the office won from it.
ALTER TABLE elected_office
    ADD CONSTRAINT elected_office_organization_fkey
        FOREIGN KEY (organization_id, organization_type, user_id)
        REFERENCES organization (id, type, owner_id) ON UPDATE CASCADE NOT VALID,
    ADD CONSTRAINT elected_office_organization_type_constant
        CHECK (organization_type = 'elected_office') NOT VALID,
    ADD CONSTRAINT elected_office_position_id_fkey
        FOREIGN KEY (position_id) REFERENCES ballot_position (id) NOT VALID,
    ADD CONSTRAINT elected_office_custom_position_own
        CHECK (position_id NOT LIKE 'custom:%' OR position_id = 'custom:office:' || id) NOT VALID,
    ADD CONSTRAINT elected_office_district_whole CHECK (
        (l2_district_type IS NULL) = (l2_district_name IS NULL)
        AND (l2_district_id IS NULL OR l2_district_name IS NOT NULL)) NOT VALID,
    DROP CONSTRAINT elected_office_campaign_id_fkey,
    ADD CONSTRAINT elected_office_campaign_id_fkey
        FOREIGN KEY (campaign_id) REFERENCES campaign (id) ON DELETE SET NULL ON UPDATE CASCADE NOT VALID;
