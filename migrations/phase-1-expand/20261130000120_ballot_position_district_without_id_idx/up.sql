CREATE INDEX CONCURRENTLY IF NOT EXISTS ballot_position_district_without_id_idx ON ballot_position (id)
    WHERE l2_district_name IS NOT NULL AND l2_district_id IS NULL;
