ALTER TABLE voter_file_filter
    ADD CONSTRAINT voter_file_filter_organization_fkey
        FOREIGN KEY (organization_id, organization_type)
        REFERENCES organization (id, type) ON DELETE CASCADE ON UPDATE CASCADE NOT VALID,
    ADD CONSTRAINT voter_file_filter_organization_whole
        CHECK ((organization_id IS NULL) = (organization_type IS NULL)) NOT VALID,
    -- The flags are nullable: unknown is no party either.
    ADD CONSTRAINT voter_file_filter_office_without_party CHECK (
        organization_type IS DISTINCT FROM 'elected_office'
        OR NOT (coalesce(party_independent, false) OR coalesce(party_democrat, false)
                OR coalesce(party_republican, false) OR coalesce(party_unknown, false))) NOT VALID;
