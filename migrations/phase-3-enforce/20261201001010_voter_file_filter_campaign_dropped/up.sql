LOCK TABLE campaign, voter_file_filter IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER voter_file_filter_complete ON voter_file_filter;
DROP FUNCTION voter_file_filter_complete();
ALTER TABLE voter_file_filter DROP COLUMN campaign_id;
