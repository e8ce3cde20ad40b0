DROP INDEX CONCURRENTLY IF EXISTS campaign_user_id_id_idx;
