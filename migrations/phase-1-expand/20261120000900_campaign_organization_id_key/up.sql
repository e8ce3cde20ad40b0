CREATE UNIQUE INDEX CONCURRENTLY campaign_organization_id_key ON campaign (organization_id);
