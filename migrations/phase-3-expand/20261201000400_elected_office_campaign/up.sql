-- From phase 3 on, Winserve writes no campaign into an office: the request key of the office's organization names the
-- one that it was won with. Until `enforce phase-3`, the row has both, for programs that still read the column, and for
-- the way back.
CREATE FUNCTION elected_office_campaign() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    NEW.campaign_id := (
        SELECT campaign.id FROM organization AS its JOIN campaign ON campaign.organization_id =
            CASE WHEN its.request_key LIKE 'won:%' THEN substr(its.request_key, 5, 36)::uuid END
        WHERE its.id = NEW.organization_id);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION elected_office_campaign IS 'Names the campaign that an office was won with';
CREATE TRIGGER elected_office_campaign BEFORE INSERT ON elected_office
    FOR EACH ROW WHEN (NEW.campaign_id IS NULL AND NEW.organization_id IS NOT NULL)
    EXECUTE FUNCTION elected_office_campaign();

-- Before phase 3, only the oldest office of a campaign has a key that names it, if any office has: the old service
-- inserts offices without one, and an office that was changed explicitly has a key of its own. A key is unique for its
-- owner, so further offices of one campaign add their own organization to it.
CREATE FUNCTION offices_name_their_campaign() RETURNS bigint LANGUAGE sql VOLATILE
    BEGIN ATOMIC
        WITH nameless AS (
            SELECT office.organization_id, its.owner_id, 'won:' || campaign.organization_id::text AS key,
                   row_number() OVER (PARTITION BY its.owner_id, campaign.id
                                      ORDER BY office.created_at, office.id) AS place
            FROM elected_office AS office
            JOIN campaign ON campaign.id = office.campaign_id
            JOIN organization AS its ON its.id = office.organization_id
            WHERE left(its.request_key, 40) IS DISTINCT FROM 'won:' || campaign.organization_id::text
              AND campaign.organization_id IS NOT NULL
        ), named AS (
            UPDATE organization SET updated_at = now(), request_key =
                CASE WHEN place = 1 AND NOT EXISTS (
                         SELECT FROM organization AS other
                         WHERE other.owner_id = nameless.owner_id AND other.request_key = nameless.key)
                     THEN nameless.key ELSE nameless.key || ':' || organization.id::text END
            FROM nameless WHERE organization.id = nameless.organization_id
            RETURNING organization.id
        )
        SELECT count(*) FROM named;
    END;
COMMENT ON FUNCTION offices_name_their_campaign IS
    'Gives each office that has a campaign the request key that names it; returns how many lacked it';

CREATE OR REPLACE FUNCTION organization_won() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM organization_event_note(
        NEW.id, NEW.owner_id, 'office.won'::text, NULL::jsonb,
        pg_catalog.jsonb_build_object('campaign_organization_id', substr(NEW.request_key, 5, 36)));
    RETURN NULL;
END
$$;
