-- An organization without a child is refused at commit, whoever made or left it so.
CREATE FUNCTION organization_require_child() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    checked uuid;
BEGIN
    IF TG_TABLE_NAME = 'organization' THEN
        checked := NEW.id;
    ELSE
        checked := OLD.organization_id;
    END IF;
    IF EXISTS (SELECT FROM organization WHERE id = checked)
        AND NOT EXISTS (SELECT FROM campaign WHERE organization_id = checked)
        AND NOT EXISTS (SELECT FROM elected_office WHERE organization_id = checked)
    THEN
        RAISE EXCEPTION 'organization % has no campaign and no elected office', checked
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'organization_has_child';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION organization_require_child IS 'Refuses an organization without a child';

CREATE CONSTRAINT TRIGGER organization_has_child AFTER INSERT ON organization
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION organization_require_child();
