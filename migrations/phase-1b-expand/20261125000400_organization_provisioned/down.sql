DROP TRIGGER organization_provisioned ON organization;
DROP FUNCTION organization_provisioned;
