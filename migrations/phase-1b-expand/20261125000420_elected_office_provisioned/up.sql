CREATE TRIGGER elected_office_provisioned AFTER UPDATE OF position_id ON elected_office FOR EACH ROW
    WHEN (OLD.organization_id = NEW.organization_id AND OLD.position_id IS DISTINCT FROM NEW.position_id)
    EXECUTE FUNCTION holder_provisioned();
