-- A filter of an elected office has no campaign.
ALTER TABLE voter_file_filter ALTER COLUMN campaign_id DROP NOT NULL;
