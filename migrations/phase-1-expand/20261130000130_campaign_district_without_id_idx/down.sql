DROP INDEX CONCURRENTLY IF EXISTS campaign_district_without_id_idx;
