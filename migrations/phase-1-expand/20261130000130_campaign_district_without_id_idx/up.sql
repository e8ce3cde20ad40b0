CREATE INDEX CONCURRENTLY IF NOT EXISTS campaign_district_without_id_idx ON campaign (position_id)
    WHERE l2_district_name IS NOT NULL AND l2_district_id IS NULL;
