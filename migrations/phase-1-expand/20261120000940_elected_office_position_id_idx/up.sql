CREATE INDEX CONCURRENTLY IF NOT EXISTS elected_office_position_id_idx ON elected_office (position_id);
