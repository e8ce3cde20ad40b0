-- The record of a change goes with its campaign. If another service deletes that, it is not our transaction that may
-- update the lease: the time of the change becomes a row, because rows do not conflict with each other.
CREATE TABLE legacy_change_of_deleted (
    changed_at timestamptz(3) NOT NULL
);
COMMENT ON TABLE legacy_change_of_deleted IS 'Changes of campaigns that another service deleted before the tables had them';
COMMENT ON COLUMN legacy_change_of_deleted.changed_at IS 'When the last change of the campaign was';

CREATE OR REPLACE FUNCTION legacy_change_remember() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF is_change_of_another_service() THEN
        INSERT INTO legacy_change_of_deleted VALUES (OLD.changed_at);
    ELSE
        UPDATE legacy_change_lease SET last_change_at = OLD.changed_at WHERE last_change_at < OLD.changed_at;
    END IF;
    RETURN NULL;
END
$$;
DROP TRIGGER legacy_change_remember ON legacy_change;
CREATE TRIGGER legacy_change_remember AFTER DELETE ON legacy_change
    FOR EACH ROW EXECUTE FUNCTION legacy_change_remember();
