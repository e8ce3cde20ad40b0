DROP TRIGGER legacy_change_remember ON legacy_change;
CREATE OR REPLACE FUNCTION legacy_change_remember() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE legacy_change_lease SET last_change_at = OLD.changed_at WHERE last_change_at < OLD.changed_at;
    RETURN NULL;
END
$$;
CREATE TRIGGER legacy_change_remember AFTER DELETE ON legacy_change
    FOR EACH ROW WHEN (NOT is_change_of_another_service())
    EXECUTE FUNCTION legacy_change_remember();
DROP TABLE legacy_change_of_deleted;
