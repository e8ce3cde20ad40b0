DROP INDEX CONCURRENTLY IF EXISTS campaign_organization_id_key;
