DROP TRIGGER organization_has_child ON organization;
DROP FUNCTION organization_require_child;
