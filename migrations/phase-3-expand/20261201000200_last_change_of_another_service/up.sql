-- A change of another service is forgotten once the tables have it. Phase 3 needs that service to have been silent
-- for a while, so the time of the last one stays. Only our own transactions record it: those of the old service are
-- serializable, and would fail if they all updated one row.
ALTER TABLE legacy_change_lease ADD COLUMN last_change_at timestamptz(3) NOT NULL DEFAULT now();
COMMENT ON COLUMN legacy_change_lease.last_change_at IS
    'When the last change was made that is in the tables; at first, when this column was added';

CREATE FUNCTION legacy_change_remember() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE legacy_change_lease SET last_change_at = OLD.changed_at WHERE last_change_at < OLD.changed_at;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION legacy_change_remember IS 'Remembers when the last change of another service was';
CREATE TRIGGER legacy_change_remember AFTER DELETE ON legacy_change
    FOR EACH ROW WHEN (NOT is_change_of_another_service())
    EXECUTE FUNCTION legacy_change_remember();
