-- NOT VALID: the table is not read under the lock; the next migration validates.
ALTER TABLE campaign
    ADD CONSTRAINT campaign_organization_fkey
        FOREIGN KEY (organization_id, organization_type, user_id)
        REFERENCES organization (id, type, owner_id) ON UPDATE CASCADE NOT VALID,
    ADD CONSTRAINT campaign_organization_type_constant
        CHECK (organization_type = 'campaign') NOT VALID,
    ADD CONSTRAINT campaign_position_id_fkey
        FOREIGN KEY (position_id) REFERENCES ballot_position (id) NOT VALID,
    ADD CONSTRAINT campaign_custom_position_own
        CHECK (position_id NOT LIKE 'custom:%' OR position_id = 'custom:campaign:' || id) NOT VALID,
    ADD CONSTRAINT campaign_district_whole CHECK (
        (l2_district_type IS NULL) = (l2_district_name IS NULL)
        AND (l2_district_id IS NULL OR l2_district_name IS NOT NULL)) NOT VALID;
