DROP TRIGGER organization_won ON organization;
DROP FUNCTION organization_won;
