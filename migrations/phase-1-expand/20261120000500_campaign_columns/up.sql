-- Constant defaults: no row is rewritten.
ALTER TABLE campaign
    ADD COLUMN organization_id uuid,
    ADD COLUMN organization_type text NOT NULL DEFAULT 'campaign',
    ADD COLUMN position_id text,
    ADD COLUMN l2_district_id text,
    ADD COLUMN l2_district_type text,
    ADD COLUMN l2_district_name text,
    ADD COLUMN district_manually_set boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN campaign.organization_id IS 'Its organization; nothing else has the same';
COMMENT ON COLUMN campaign.organization_type IS 'Constant: what its organization must be';
COMMENT ON COLUMN campaign.position_id IS 'Its position (design D3)';
COMMENT ON COLUMN campaign.l2_district_id IS 'District override: election-api id';
COMMENT ON COLUMN campaign.l2_district_type IS 'District override: L2 type';
COMMENT ON COLUMN campaign.l2_district_name IS 'District override: name, cleaned by rule A';
COMMENT ON COLUMN campaign.district_manually_set IS 'The district was chosen by hand';
