-- The old service merges JSON in serializable transactions and never retries one. Calling a trigger function for
-- each merge made those transactions a third longer, and so more of them failed. The conditions of the triggers
-- compare the moved keys instead, before any function is called.
DROP TRIGGER campaign_legacy_change ON campaign;
DROP TRIGGER path_to_victory_legacy_change ON path_to_victory;

CREATE OR REPLACE FUNCTION campaign_legacy_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM legacy_change_note(NEW.id);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION path_to_victory_legacy_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM legacy_change_note(coalesce(NEW.campaign_id, OLD.campaign_id));
    RETURN NULL;
END
$$;

DROP FUNCTION moved_keys;

CREATE TRIGGER campaign_legacy_change AFTER INSERT ON campaign
    FOR EACH ROW WHEN (
        num_nonnulls(
            NEW.details -> 'positionId', NEW.details -> 'ballotLevel', NEW.details -> 'level', NEW.details -> 'state',
            NEW.details -> 'office', NEW.details -> 'otherOffice', NEW.details -> 'city', NEW.details -> 'county',
            NEW.details -> 'district') > 0
        AND is_change_of_another_service())
    EXECUTE FUNCTION campaign_legacy_change();
CREATE TRIGGER campaign_legacy_change_of_details AFTER UPDATE OF details ON campaign
    FOR EACH ROW WHEN (
        (OLD.details -> 'positionId', OLD.details -> 'ballotLevel', OLD.details -> 'level', OLD.details -> 'state',
         OLD.details -> 'office', OLD.details -> 'otherOffice', OLD.details -> 'city', OLD.details -> 'county',
         OLD.details -> 'district')
        IS DISTINCT FROM
        (NEW.details -> 'positionId', NEW.details -> 'ballotLevel', NEW.details -> 'level', NEW.details -> 'state',
         NEW.details -> 'office', NEW.details -> 'otherOffice', NEW.details -> 'city', NEW.details -> 'county',
         NEW.details -> 'district')
        AND is_change_of_another_service())
    EXECUTE FUNCTION campaign_legacy_change();

CREATE TRIGGER path_to_victory_legacy_change AFTER INSERT ON path_to_victory
    FOR EACH ROW WHEN (
        num_nonnulls(NEW.data -> 'electionType', NEW.data -> 'electionLocation', NEW.data -> 'districtManuallySet') > 0
        AND is_change_of_another_service())
    EXECUTE FUNCTION path_to_victory_legacy_change();
CREATE TRIGGER path_to_victory_legacy_change_of_data AFTER UPDATE OF data ON path_to_victory
    FOR EACH ROW WHEN (
        (OLD.data -> 'electionType', OLD.data -> 'electionLocation', OLD.data -> 'districtManuallySet')
        IS DISTINCT FROM
        (NEW.data -> 'electionType', NEW.data -> 'electionLocation', NEW.data -> 'districtManuallySet')
        AND is_change_of_another_service())
    EXECUTE FUNCTION path_to_victory_legacy_change();
CREATE TRIGGER path_to_victory_legacy_change_by_deletion AFTER DELETE ON path_to_victory
    FOR EACH ROW WHEN (
        num_nonnulls(OLD.data -> 'electionType', OLD.data -> 'electionLocation', OLD.data -> 'districtManuallySet') > 0
        AND is_change_of_another_service())
    EXECUTE FUNCTION path_to_victory_legacy_change();
