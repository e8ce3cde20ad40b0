CREATE OR REPLACE FUNCTION voter_file_filter_complete() RETURNS trigger LANGUAGE plpgsql
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
