-- Clerk's public metadata name the position. A new organization is noted by its own trigger.
CREATE FUNCTION holder_provisioned() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM clerk_outbox_note(ARRAY[NEW.organization_id]);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION holder_provisioned IS 'Notes that Clerk has to be told of another position';
CREATE TRIGGER campaign_provisioned AFTER UPDATE OF position_id ON campaign FOR EACH ROW
    WHEN (OLD.organization_id = NEW.organization_id AND OLD.position_id IS DISTINCT FROM NEW.position_id)
    EXECUTE FUNCTION holder_provisioned();
