CREATE INDEX CONCURRENTLY IF NOT EXISTS campaign_user_id_id_idx ON campaign (user_id, id);
