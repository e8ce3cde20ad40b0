CREATE TRIGGER elected_office_event AFTER INSERT OR DELETE ON elected_office
    FOR EACH ROW EXECUTE FUNCTION holder_event();
-- Compared before the function is called, because the old service writes columns that it leaves as they are.
CREATE TRIGGER elected_office_event_of_change AFTER UPDATE OF
        organization_id, position_id, l2_district_id, l2_district_type, l2_district_name,
        district_manually_set, can_download_federal ON elected_office
    FOR EACH ROW WHEN (
        (OLD.organization_id, OLD.position_id, OLD.l2_district_id, OLD.l2_district_type,
         OLD.l2_district_name, OLD.district_manually_set,
         OLD.can_download_federal)
        IS DISTINCT FROM
        (NEW.organization_id, NEW.position_id, NEW.l2_district_id, NEW.l2_district_type,
         NEW.l2_district_name, NEW.district_manually_set,
         NEW.can_download_federal))
    EXECUTE FUNCTION holder_event();
