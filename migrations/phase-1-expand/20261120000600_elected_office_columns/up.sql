-- Constant defaults: no row is rewritten.
ALTER TABLE elected_office
    ADD COLUMN organization_id uuid,
    ADD COLUMN organization_type text NOT NULL DEFAULT 'elected_office',
    ADD COLUMN position_id text,
    ADD COLUMN l2_district_id text,
    ADD COLUMN l2_district_type text,
    ADD COLUMN l2_district_name text,
    ADD COLUMN district_manually_set boolean NOT NULL DEFAULT false,
    ADD COLUMN can_download_federal boolean NOT NULL DEFAULT false,
    ALTER COLUMN campaign_id DROP NOT NULL;

COMMENT ON COLUMN elected_office.organization_id IS 'Its organization; nothing else has the same';
COMMENT ON COLUMN elected_office.organization_type IS 'Constant: what its organization must be';
COMMENT ON COLUMN elected_office.position_id IS 'Its position (design D3)';
COMMENT ON COLUMN elected_office.l2_district_id IS 'District override: election-api id';
COMMENT ON COLUMN elected_office.l2_district_type IS 'District override: L2 type';
COMMENT ON COLUMN elected_office.l2_district_name IS 'District override: name, cleaned by rule A';
COMMENT ON COLUMN elected_office.district_manually_set IS 'The district was chosen by hand';
COMMENT ON COLUMN elected_office.can_download_federal IS
    'Staff allowed statewide or federal voter data; copied from the campaign when won';
