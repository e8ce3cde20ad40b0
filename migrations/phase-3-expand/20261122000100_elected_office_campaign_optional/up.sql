-- From phase 3 on an office may be held without any campaign; the old service must not read offices any
-- more, or has been updated.
ALTER TABLE elected_office ALTER COLUMN campaign_id DROP NOT NULL;
