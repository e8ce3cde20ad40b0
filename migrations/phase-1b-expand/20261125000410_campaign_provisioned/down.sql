DROP TRIGGER campaign_provisioned ON campaign;
DROP FUNCTION holder_provisioned;
