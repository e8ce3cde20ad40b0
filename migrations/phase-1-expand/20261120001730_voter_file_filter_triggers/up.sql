-- A filter of the old service belongs to the organization of its campaign, if that has one yet.
CREATE FUNCTION voter_file_filter_complete() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.organization_id IS NULL THEN
        SELECT organization_id, CASE WHEN organization_id IS NOT NULL THEN 'campaign' END
            INTO NEW.organization_id, NEW.organization_type
            FROM campaign WHERE id = NEW.campaign_id;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION voter_file_filter_complete IS 'Completes a row that the old service inserts';
CREATE TRIGGER voter_file_filter_complete BEFORE INSERT ON voter_file_filter
    FOR EACH ROW EXECUTE FUNCTION voter_file_filter_complete();
