CREATE OR REPLACE FUNCTION winserve_uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

CREATE OR REPLACE FUNCTION campaign_complete() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- INSERT … ON CONFLICT may come to nothing: then nothing must be left behind. NOT NULL is checked
    -- before the conflict is, so the row gets ids all the same, of rows that nobody makes.
    IF EXISTS (SELECT FROM campaign WHERE id = NEW.id OR slug = NEW.slug) THEN
        NEW.position_id := coalesce(NEW.position_id, 'custom:campaign:' || NEW.id);
        NEW.organization_id := coalesce(NEW.organization_id, winserve_uuid_v7());
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

CREATE OR REPLACE FUNCTION campaign_clean_up() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM organization WHERE id = OLD.organization_id;
    DELETE FROM ballot_position WHERE id = 'custom:campaign:' || OLD.id;
    RETURN NULL;
END
$$;
