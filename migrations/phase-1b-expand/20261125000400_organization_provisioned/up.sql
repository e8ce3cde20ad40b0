-- By triggers, so that no writer can forget it: Winserve, the backfill, and the old service, whose rows
-- get their organization from a trigger as well. As their owner, for the old service may know nothing of
-- our tables, under whatever role and search path it comes.
CREATE FUNCTION organization_provisioned() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    known record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM clerk_outbox_note(ARRAY[NEW.id]);
        RETURN NULL;
    END IF;
    -- Locked: a worker that is about to send the creation has said so by now, or finds the row gone.
    SELECT creating_since, clerk_organization_id INTO known
        FROM clerk_outbox WHERE organization_id = OLD.id FOR UPDATE;
    IF coalesce(OLD.clerk_organization_id, known.clerk_organization_id) IS NULL
        AND known.creating_since IS NULL
    THEN
        DELETE FROM clerk_outbox WHERE organization_id = OLD.id;
    ELSE
        INSERT INTO clerk_outbox AS told (organization_id, is_deletion, clerk_organization_id)
        VALUES (OLD.id, true, coalesce(OLD.clerk_organization_id, known.clerk_organization_id))
        ON CONFLICT (organization_id) DO UPDATE SET
            version = told.version + 1,
            is_deletion = true,
            is_backfill = false,
            clerk_organization_id = excluded.clerk_organization_id,
            attempts = CASE WHEN told.dead_at IS NULL THEN told.attempts ELSE 0 END,
            next_attempt_at = CASE WHEN told.dead_at IS NULL THEN told.next_attempt_at ELSE now() END,
            dead_at = NULL,
            dead_reason = NULL;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION organization_provisioned IS 'Notes that Clerk has to be told of an organization';
CREATE TRIGGER organization_provisioned AFTER INSERT OR DELETE ON organization
    FOR EACH ROW EXECUTE FUNCTION organization_provisioned();
