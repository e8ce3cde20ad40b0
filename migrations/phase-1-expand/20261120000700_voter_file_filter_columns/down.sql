ALTER TABLE voter_file_filter DROP COLUMN organization_id, DROP COLUMN organization_type;
