-- In phase 2 a filter is inserted with its organization, before it with its campaign: the row has
-- both, so that each phase finds what the other wrote.
CREATE OR REPLACE FUNCTION voter_file_filter_complete() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.organization_id IS NULL THEN
        SELECT organization_id, CASE WHEN organization_id IS NOT NULL THEN 'campaign' END
            INTO NEW.organization_id, NEW.organization_type
            FROM campaign WHERE id = NEW.campaign_id;
    ELSIF NEW.campaign_id IS NULL THEN
        NEW.campaign_id := (SELECT id FROM campaign WHERE organization_id = NEW.organization_id);
    END IF;
    RETURN NEW;
END
$$;
