DROP TRIGGER campaign_organization_has_child ON campaign;
DROP TRIGGER campaign_clean_up ON campaign;
DROP FUNCTION campaign_clean_up;
DROP TRIGGER campaign_complete ON campaign;
DROP FUNCTION campaign_complete;
