CREATE UNIQUE INDEX CONCURRENTLY elected_office_organization_id_key ON elected_office (organization_id);
