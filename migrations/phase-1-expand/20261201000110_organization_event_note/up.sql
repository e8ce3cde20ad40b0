-- What an event says of a campaign or an office: ids, no text that a person wrote.
CREATE FUNCTION organization_facts(
    type text, position_id text, district_id text, district_type text, district_name text, is_manual boolean,
    can_download_federal boolean
) RETURNS jsonb LANGUAGE sql STABLE
    RETURN jsonb_build_object(
        'type', type,
        'position_id', position_id,
        'district', CASE WHEN district_type IS NOT NULL THEN
            jsonb_build_object('id', district_id, 'type', district_type, 'name', district_name) END,
        'is_manual', is_manual,
        'can_download_federal', can_download_federal);
COMMENT ON FUNCTION organization_facts IS 'What an event says of a campaign or an office';

-- Nothing is written for a user who is being deleted: their events go too. In PL/pgSQL, which keeps the plan of its
-- statement: the backfill calls it thousands of times.
CREATE FUNCTION organization_event_note(changed uuid, owner integer, what text, former jsonb, present jsonb)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    actor CONSTANT text := coalesce(
        nullif(current_setting('winserve.actor'::text, true), ''),
        CASE WHEN is_change_of_another_service() THEN 'other:' || session_user::text ELSE 'winserve' END);
    place xid8 := pg_current_xact_id();
BEGIN
    -- (The old service may add any column to its table.)
    IF NOT EXISTS (SELECT FROM "user" AS holder WHERE holder.id = organization_event_note.owner) THEN
        RETURN;
    END IF;
    IF what <> 'organization.created' THEN
        -- (`OFFSET 0` keeps PostgreSQL from walking the whole table in the order of its key.)
        place := greatest(place, (
            SELECT earlier.transaction FROM (
                SELECT event.transaction FROM organization_event AS event
                WHERE event.organization_id = changed OFFSET 0) AS earlier
            ORDER BY earlier.transaction DESC LIMIT 1));
    END IF;
    INSERT INTO organization_event (transaction, organization_id, owner_id, actor, kind, before, after)
    VALUES (place, changed, owner, actor, what, former, present);
END
$$;
COMMENT ON FUNCTION organization_event_note IS 'Writes an event of an organization';

-- By triggers, so that no writer can forget it: Winserve, its jobs, the old service, and cascades. As their
-- owner, because the old service may know nothing of our tables.
CREATE FUNCTION holder_event() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    former jsonb;
    present jsonb;
    won_with text;
BEGIN
    IF OLD.organization_id IS NOT NULL THEN
        former := organization_facts(
            OLD.organization_type, OLD.position_id, OLD.l2_district_id, OLD.l2_district_type,
            OLD.l2_district_name, OLD.district_manually_set, OLD.can_download_federal);
    END IF;
    IF NEW.organization_id IS NOT NULL THEN
        present := organization_facts(
            NEW.organization_type, NEW.position_id, NEW.l2_district_id, NEW.l2_district_type,
            NEW.l2_district_name, NEW.district_manually_set, NEW.can_download_federal);
    END IF;
    -- NULL stays NULL.
    IF TG_TABLE_NAME = 'campaign' THEN
        former := former || pg_catalog.jsonb_build_object('is_demo', OLD.is_demo);
        present := present || pg_catalog.jsonb_build_object('is_demo', NEW.is_demo);
    END IF;

    IF OLD.organization_id = NEW.organization_id THEN
        PERFORM organization_event_note(
            NEW.organization_id, NEW.user_id, 'organization.changed'::text, former, present);
    ELSE
        IF former IS NOT NULL THEN
            PERFORM organization_event_note(
                OLD.organization_id, OLD.user_id, 'organization.deleted'::text, former, NULL::jsonb);
        END IF;
        IF present IS NOT NULL THEN
            PERFORM organization_event_note(
                NEW.organization_id, NEW.user_id, 'organization.created'::text, NULL::jsonb, present);
        END IF;
        IF TG_TABLE_NAME = 'elected_office' THEN
            -- With its own id the key means that the office was changed explicitly, not won.
            SELECT substr(request_key, 5) INTO won_with FROM organization
                WHERE id = NEW.organization_id AND request_key LIKE 'won:%' AND request_key <> 'won:' || id::text;
            IF FOUND THEN
                PERFORM organization_event_note(
                    NEW.organization_id, NEW.user_id, 'office.won'::text, NULL::jsonb,
                    pg_catalog.jsonb_build_object('campaign_organization_id', won_with));
            END IF;
        END IF;
    END IF;

    IF present IS NOT NULL AND NEW.l2_district_name IS NULL
        AND EXISTS (SELECT FROM ballot_position WHERE id = NEW.position_id AND l2_district_name IS NULL
                    AND (source = 'ballot_ready' OR office IS NOT NULL))
    THEN
        PERFORM organization_event_note(
            NEW.organization_id, NEW.user_id, 'district.wanted'::text, NULL::jsonb, present);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION holder_event IS 'Writes the events of a changed campaign or office';
