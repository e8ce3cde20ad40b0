-- Reads the table without keeping writers out.
ALTER TABLE voter_file_filter VALIDATE CONSTRAINT voter_file_filter_organization_fkey;
ALTER TABLE voter_file_filter VALIDATE CONSTRAINT voter_file_filter_organization_whole;
ALTER TABLE voter_file_filter VALIDATE CONSTRAINT voter_file_filter_office_without_party;
