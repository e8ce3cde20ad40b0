-- As its owner, for the old service may know nothing of our tables, under whatever role and search
-- path it comes. A row of the old service gets its organization and a custom position of its own; mapping it is the
-- repair's work. Winserve names both itself.
CREATE FUNCTION campaign_complete() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- INSERT … ON CONFLICT may come to nothing: then nothing must be left behind.
    IF EXISTS (SELECT FROM campaign WHERE id = NEW.id OR slug = NEW.slug) THEN
        RETURN NEW;
    END IF;
    IF NEW.position_id IS NULL THEN
        NEW.position_id := 'custom:campaign:' || NEW.id;
        INSERT INTO ballot_position (id, source) VALUES (NEW.position_id, 'custom')
            ON CONFLICT (id) DO NOTHING;
    END IF;
    IF NEW.organization_id IS NULL THEN
        NEW.organization_id := winserve_uuid_v7();
        INSERT INTO organization (id, owner_id, type)
            VALUES (NEW.organization_id, NEW.user_id, 'campaign');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION campaign_complete IS 'Completes a row that the old service inserts';
CREATE TRIGGER campaign_complete BEFORE INSERT ON campaign
    FOR EACH ROW EXECUTE FUNCTION campaign_complete();

-- The organization, its filters and the custom position go with their holder, however that goes.
CREATE FUNCTION campaign_clean_up() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM organization WHERE id = OLD.organization_id;
    DELETE FROM ballot_position WHERE id = 'custom:campaign:' || OLD.id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION campaign_clean_up IS 'Removes what belonged to a deleted row alone';
CREATE TRIGGER campaign_clean_up AFTER DELETE ON campaign
    FOR EACH ROW EXECUTE FUNCTION campaign_clean_up();

CREATE CONSTRAINT TRIGGER campaign_organization_has_child AFTER UPDATE OF organization_id ON campaign
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.organization_id IS NOT NULL AND OLD.organization_id IS DISTINCT FROM NEW.organization_id)
    EXECUTE FUNCTION organization_require_child();
