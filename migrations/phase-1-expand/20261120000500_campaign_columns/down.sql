ALTER TABLE campaign
    DROP COLUMN organization_id,
    DROP COLUMN organization_type,
    DROP COLUMN position_id,
    DROP COLUMN l2_district_id,
    DROP COLUMN l2_district_type,
    DROP COLUMN l2_district_name,
    DROP COLUMN district_manually_set;
