ALTER TABLE voter_file_filter
    DROP CONSTRAINT voter_file_filter_organization_fkey,
    DROP CONSTRAINT voter_file_filter_organization_whole,
    DROP CONSTRAINT voter_file_filter_office_without_party;
