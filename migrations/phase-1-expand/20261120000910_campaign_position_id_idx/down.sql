DROP INDEX CONCURRENTLY IF EXISTS campaign_position_id_idx;
