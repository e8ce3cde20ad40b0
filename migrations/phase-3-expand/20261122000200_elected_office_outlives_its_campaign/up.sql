-- NOT VALID: the table is not read under the lock; the next migration validates. Deleting a campaign does
-- not touch the office won with it.
ALTER TABLE elected_office
    DROP CONSTRAINT elected_office_campaign_id_fkey,
    ADD CONSTRAINT elected_office_campaign_id_fkey
        FOREIGN KEY (campaign_id) REFERENCES campaign (id) ON DELETE SET NULL ON UPDATE CASCADE NOT VALID;
