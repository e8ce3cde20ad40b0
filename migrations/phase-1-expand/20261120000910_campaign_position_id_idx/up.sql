CREATE INDEX CONCURRENTLY campaign_position_id_idx ON campaign (position_id);
