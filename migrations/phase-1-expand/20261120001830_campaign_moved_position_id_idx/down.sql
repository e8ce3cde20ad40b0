DROP INDEX CONCURRENTLY IF EXISTS campaign_moved_position_id_idx;
