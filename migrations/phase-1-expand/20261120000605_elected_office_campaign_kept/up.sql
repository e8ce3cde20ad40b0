-- The migration before this one lets an office do without a campaign, and a later one lets a campaign go that
-- an office was won with. The old service can read no such office: this keeps any from being made until the
-- column is required again. NOT VALID: the table is not read under the lock.
DO $$
BEGIN
    -- Not where it is required already: nothing would drop the CHECK again.
    IF NOT (SELECT attnotnull FROM pg_attribute
            WHERE attrelid = 'elected_office'::regclass AND attname = 'campaign_id') THEN
        ALTER TABLE elected_office
            ADD CONSTRAINT elected_office_campaign_id_present CHECK (campaign_id IS NOT NULL) NOT VALID;
    END IF;
END
$$;
