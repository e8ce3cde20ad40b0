DROP TRIGGER campaign_legacy_change ON campaign;
DROP TRIGGER campaign_legacy_change_of_details ON campaign;
DROP FUNCTION campaign_legacy_change();
