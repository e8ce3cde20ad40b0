CREATE INDEX CONCURRENTLY elected_office_position_id_idx ON elected_office (position_id);
