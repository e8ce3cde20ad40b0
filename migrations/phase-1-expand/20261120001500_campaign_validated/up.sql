-- Reads the table without keeping writers out.
ALTER TABLE campaign VALIDATE CONSTRAINT campaign_organization_fkey;
ALTER TABLE campaign VALIDATE CONSTRAINT campaign_organization_type_constant;
ALTER TABLE campaign VALIDATE CONSTRAINT campaign_position_id_fkey;
ALTER TABLE campaign VALIDATE CONSTRAINT campaign_custom_position_own;
ALTER TABLE campaign VALIDATE CONSTRAINT campaign_district_whole;
