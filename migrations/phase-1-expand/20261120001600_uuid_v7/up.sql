-- For rows that the old service inserts; Winserve makes its own ids. Takes a random (version 4) one,
-- puts the milliseconds in front and turns the version into 7.
CREATE FUNCTION winserve_uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;
COMMENT ON FUNCTION winserve_uuid_v7 IS 'A new UUID version 7';
