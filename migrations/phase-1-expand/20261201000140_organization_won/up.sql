-- An office of the old service gets this key only later, once its campaign is linked.
CREATE FUNCTION organization_won() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM organization_event_note(
        NEW.id, NEW.owner_id, 'office.won'::text, NULL::jsonb,
        pg_catalog.jsonb_build_object('campaign_organization_id', substr(NEW.request_key, 5)));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION organization_won IS 'Writes that an office was won with a campaign';
CREATE TRIGGER organization_won AFTER UPDATE OF request_key ON organization FOR EACH ROW
    WHEN (NEW.type = 'elected_office' AND NEW.request_key IS DISTINCT FROM OLD.request_key
          AND NEW.request_key LIKE 'won:%' AND NEW.request_key <> 'won:' || NEW.id::text)
    EXECUTE FUNCTION organization_won();
