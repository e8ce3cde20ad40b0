CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS campaign_organization_id_key ON campaign (organization_id);
