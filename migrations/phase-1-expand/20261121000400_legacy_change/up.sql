-- Campaigns whose office or district another service wrote into the JSON alone: `backfill repair`
-- brings them into the tables. Our own transactions declare themselves and write both.
CREATE TABLE legacy_change (
    campaign_id integer PRIMARY KEY REFERENCES campaign (id) ON DELETE CASCADE,
    changes integer NOT NULL DEFAULT 1,
    changed_at timestamptz(3) NOT NULL DEFAULT now()
);

COMMENT ON TABLE legacy_change IS 'Campaigns whose moved keys another service changed, until `backfill repair` has read them';
COMMENT ON COLUMN legacy_change.campaign_id IS 'The campaign';
COMMENT ON COLUMN legacy_change.changes IS 'How many changes there were since it was last repaired';
COMMENT ON COLUMN legacy_change.changed_at IS 'When the last one was';

CREATE FUNCTION is_change_of_another_service() RETURNS boolean LANGUAGE sql STABLE
    RETURN coalesce(current_setting('winserve.writer', true), '') <> 'winserve';
COMMENT ON FUNCTION is_change_of_another_service IS 'Whether the transaction did not declare itself ours';

-- A campaign that is being deleted is not there any more.
CREATE FUNCTION legacy_change_note(changed integer) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path FROM CURRENT
    BEGIN ATOMIC
        INSERT INTO legacy_change AS known (campaign_id) SELECT id FROM campaign WHERE id = changed
        ON CONFLICT (campaign_id) DO UPDATE SET changes = known.changes + 1, changed_at = now();
    END;
COMMENT ON FUNCTION legacy_change_note IS 'Notes that a campaign wants repair';

CREATE FUNCTION moved_keys(value jsonb, keys text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE
    RETURN (SELECT jsonb_object_agg(key, value -> key) FROM unnest(keys) AS key
            WHERE coalesce(value -> key, 'null') <> 'null');
COMMENT ON FUNCTION moved_keys IS 'What a JSON object says under keys; NULL when nothing';

CREATE FUNCTION campaign_legacy_change() RETURNS trigger LANGUAGE plpgsql
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
COMMENT ON FUNCTION campaign_legacy_change IS 'Notes an office that another service wrote';

CREATE FUNCTION path_to_victory_legacy_change() RETURNS trigger LANGUAGE plpgsql
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
COMMENT ON FUNCTION path_to_victory_legacy_change IS 'Notes a district that another service wrote';

CREATE TRIGGER campaign_legacy_change AFTER INSERT OR UPDATE OF details ON campaign
    FOR EACH ROW WHEN (is_change_of_another_service())
    EXECUTE FUNCTION campaign_legacy_change();
CREATE TRIGGER path_to_victory_legacy_change AFTER INSERT OR DELETE OR UPDATE OF data ON path_to_victory
    FOR EACH ROW WHEN (is_change_of_another_service())
    EXECUTE FUNCTION path_to_victory_legacy_change();
