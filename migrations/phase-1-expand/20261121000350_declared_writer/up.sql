-- Whoever asks for the phase in order to write declares the transaction as one that writes both stores,
-- for its duration; in phase `legacy` nobody does.
CREATE OR REPLACE FUNCTION migration_phase_for_writing() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found text;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7746532103);
    found := (SELECT phase FROM migration_phase);
    IF found <> 'legacy' THEN
        PERFORM set_config('winserve.writer', 'winserve', true);
    END IF;
    RETURN found;
END
$$;
