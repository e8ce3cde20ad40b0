DROP INDEX CONCURRENTLY IF EXISTS elected_office_position_id_idx;
