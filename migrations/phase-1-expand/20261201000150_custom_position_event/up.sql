-- A typed-in office keeps its id when it is reworded, so the row of its holder says nothing of that. The event has
-- no ids: without a lock on that row they might be outdated.
CREATE FUNCTION custom_position_event() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    holder record;
BEGIN
    FOR holder IN
        SELECT organization_id, user_id, l2_district_name,
               pg_catalog.jsonb_build_object('is_demo', is_demo) AS mark
        FROM campaign WHERE position_id = NEW.id AND organization_id IS NOT NULL
        UNION ALL
        SELECT organization_id, user_id, l2_district_name, NULL::jsonb FROM elected_office
        WHERE position_id = NEW.id AND organization_id IS NOT NULL
    LOOP
        PERFORM organization_event_note(
            holder.organization_id, holder.user_id, 'organization.changed'::text, NULL::jsonb, holder.mark);
        IF holder.l2_district_name IS NULL AND NEW.l2_district_name IS NULL AND NEW.office IS NOT NULL THEN
            PERFORM organization_event_note(
                holder.organization_id, holder.user_id, 'district.wanted'::text, NULL::jsonb, holder.mark);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION custom_position_event IS 'Writes the events of a reworded typed-in office';
CREATE TRIGGER custom_position_event AFTER UPDATE OF
        office, ballot_level, level, state, county, city, district, zip ON ballot_position
    FOR EACH ROW WHEN (
        NEW.source = 'custom'
        AND (OLD.office, OLD.ballot_level, OLD.level, OLD.state, OLD.county, OLD.city, OLD.district, OLD.zip)
        IS DISTINCT FROM
        (NEW.office, NEW.ballot_level, NEW.level, NEW.state, NEW.county, NEW.city, NEW.district, NEW.zip))
    EXECUTE FUNCTION custom_position_event();
