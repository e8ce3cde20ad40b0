CREATE INDEX CONCURRENTLY IF NOT EXISTS elected_office_district_without_id_idx ON elected_office (position_id)
    WHERE l2_district_name IS NOT NULL AND l2_district_id IS NULL;
