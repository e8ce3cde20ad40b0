CREATE INDEX CONCURRENTLY IF NOT EXISTS voter_file_filter_organization_id_idx ON voter_file_filter (organization_id);
