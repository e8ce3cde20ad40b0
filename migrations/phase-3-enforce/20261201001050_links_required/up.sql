-- In a migrated database the earlier phases enforced this, so no row is read. A new one has no rows.
ALTER TABLE campaign ALTER COLUMN organization_id SET NOT NULL, ALTER COLUMN position_id SET NOT NULL;
ALTER TABLE elected_office ALTER COLUMN organization_id SET NOT NULL, ALTER COLUMN position_id SET NOT NULL;
ALTER TABLE voter_file_filter ALTER COLUMN organization_id SET NOT NULL;
