DROP TRIGGER path_to_victory_legacy_change_by_deletion ON path_to_victory;
DROP TRIGGER path_to_victory_legacy_change_of_data ON path_to_victory;
DROP TRIGGER path_to_victory_legacy_change ON path_to_victory;
DROP TRIGGER campaign_legacy_change_of_details ON campaign;
DROP TRIGGER campaign_legacy_change ON campaign;

CREATE FUNCTION moved_keys(value jsonb, keys text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE
    RETURN (SELECT jsonb_object_agg(key, value -> key) FROM unnest(keys) AS key
            WHERE coalesce(value -> key, 'null') <> 'null');
COMMENT ON FUNCTION moved_keys IS 'What a JSON object says under keys; NULL when nothing';

CREATE OR REPLACE FUNCTION campaign_legacy_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    keys CONSTANT text[] := '{positionId,ballotLevel,level,state,office,otherOffice,city,county,district}';
    former jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        former := moved_keys(OLD.details, keys);
    END IF;
    IF moved_keys(NEW.details, keys) IS DISTINCT FROM former THEN
        PERFORM legacy_change_note(NEW.id);
    END IF;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION path_to_victory_legacy_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    keys CONSTANT text[] := '{electionType,electionLocation,districtManuallySet}';
    former jsonb;
    present jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        former := moved_keys(OLD.data, keys);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        present := moved_keys(NEW.data, keys);
    END IF;
    IF present IS DISTINCT FROM former THEN
        PERFORM legacy_change_note(coalesce(NEW.campaign_id, OLD.campaign_id));
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER campaign_legacy_change AFTER INSERT OR UPDATE OF details ON campaign
    FOR EACH ROW WHEN (is_change_of_another_service())
    EXECUTE FUNCTION campaign_legacy_change();
CREATE TRIGGER path_to_victory_legacy_change AFTER INSERT OR DELETE OR UPDATE OF data ON path_to_victory
    FOR EACH ROW WHEN (is_change_of_another_service())
    EXECUTE FUNCTION path_to_victory_legacy_change();
