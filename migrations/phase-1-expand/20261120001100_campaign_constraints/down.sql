ALTER TABLE campaign
    DROP CONSTRAINT campaign_organization_fkey,
    DROP CONSTRAINT campaign_organization_type_constant,
    DROP CONSTRAINT campaign_position_id_fkey,
    DROP CONSTRAINT campaign_custom_position_own,
    DROP CONSTRAINT campaign_district_whole;
