-- Takes back at once what the migrations before loosened: the old service cannot read an office without
-- a campaign, and relies on this key to keep a campaign that an office was won with. Both come with
-- `phase-3-expand`. NOT VALID: the table is not read under the lock; the next migration validates.
ALTER TABLE elected_office
    DROP CONSTRAINT IF EXISTS elected_office_campaign_id_present,
    ADD CONSTRAINT elected_office_campaign_id_present CHECK (campaign_id IS NOT NULL) NOT VALID,
    DROP CONSTRAINT elected_office_campaign_id_fkey,
    ADD CONSTRAINT elected_office_campaign_id_fkey
        FOREIGN KEY (campaign_id) REFERENCES campaign (id) ON UPDATE CASCADE NOT VALID;
