CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS elected_office_organization_id_key ON elected_office (organization_id);
