-- Fails while an office has no campaign: the old service cannot read such a row.
ALTER TABLE elected_office
    DROP COLUMN organization_id,
    DROP COLUMN organization_type,
    DROP COLUMN position_id,
    DROP COLUMN l2_district_id,
    DROP COLUMN l2_district_type,
    DROP COLUMN l2_district_name,
    DROP COLUMN district_manually_set,
    DROP COLUMN can_download_federal,
    ALTER COLUMN campaign_id SET NOT NULL;
