-- Fails while an office has no campaign: the old service cannot read such a row.
ALTER TABLE elected_office ALTER COLUMN campaign_id SET NOT NULL;
