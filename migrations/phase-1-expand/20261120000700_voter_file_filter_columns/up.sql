ALTER TABLE voter_file_filter
    ADD COLUMN organization_id uuid,
    ADD COLUMN organization_type text;

COMMENT ON COLUMN voter_file_filter.organization_id IS 'The organization whose filter it is';
COMMENT ON COLUMN voter_file_filter.organization_type IS
    'Type of that organization, for the check that an elected office''s filter names no party';
