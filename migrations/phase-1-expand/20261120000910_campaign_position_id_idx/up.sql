CREATE INDEX CONCURRENTLY IF NOT EXISTS campaign_position_id_idx ON campaign (position_id);
