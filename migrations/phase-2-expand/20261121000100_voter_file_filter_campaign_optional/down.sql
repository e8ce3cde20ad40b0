ALTER TABLE voter_file_filter ALTER COLUMN campaign_id SET NOT NULL;
