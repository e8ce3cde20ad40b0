-- A trigger, because the old service changes addresses too. It keeps the address that the account had
-- before, so that changing back is no change.
CREATE FUNCTION user_email_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.proven_email := coalesce(OLD.proven_email, OLD.email);
    IF lower(NEW.proven_email) = lower(NEW.email) THEN
        NEW.proven_email := NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION user_email_changed IS 'Notes that nobody has proven an account''s new address';
CREATE TRIGGER user_email_changed BEFORE UPDATE OF email ON "user" FOR EACH ROW
    WHEN (lower(OLD.email) IS DISTINCT FROM lower(NEW.email))
    EXECUTE FUNCTION user_email_changed();
