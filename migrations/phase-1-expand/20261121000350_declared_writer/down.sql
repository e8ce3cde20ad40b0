CREATE OR REPLACE FUNCTION migration_phase_for_writing() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7746532103);
    RETURN (SELECT phase FROM migration_phase);
END
$$;
