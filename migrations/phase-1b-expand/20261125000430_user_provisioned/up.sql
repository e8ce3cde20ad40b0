-- An owner whom Clerk knows from now on becomes a member of what they own.
CREATE FUNCTION user_provisioned() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM clerk_outbox_note(ARRAY(SELECT id FROM organization WHERE owner_id = NEW.id));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION user_provisioned IS 'Notes that Clerk has to be told of an owner';
CREATE TRIGGER user_provisioned AFTER UPDATE OF clerk_id ON "user" FOR EACH ROW
    WHEN (NEW.clerk_id IS NOT NULL AND OLD.clerk_id IS DISTINCT FROM NEW.clerk_id)
    EXECUTE FUNCTION user_provisioned();
