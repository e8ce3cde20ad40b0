CREATE OR REPLACE FUNCTION organization_won() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM organization_event_note(
        NEW.id, NEW.owner_id, 'office.won'::text, NULL::jsonb,
        pg_catalog.jsonb_build_object('campaign_organization_id', substr(NEW.request_key, 5)));
    RETURN NULL;
END
$$;
DROP FUNCTION offices_name_their_campaign();
DROP TRIGGER elected_office_campaign ON elected_office;
DROP FUNCTION elected_office_campaign();
