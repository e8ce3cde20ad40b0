-- An office that another service inserts has a position that says nothing: it is to get that of the campaign it
-- was won with, so the campaign is noted.
CREATE FUNCTION elected_office_legacy_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM legacy_change_note(NEW.campaign_id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION elected_office_legacy_change IS 'Notes the campaign that another service won an office with';

CREATE TRIGGER elected_office_legacy_change AFTER INSERT ON elected_office
    FOR EACH ROW WHEN (is_change_of_another_service())
    EXECUTE FUNCTION elected_office_legacy_change();
