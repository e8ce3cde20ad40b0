CREATE INDEX CONCURRENTLY IF NOT EXISTS ballot_position_unverified_idx ON ballot_position (id)
    WHERE verified_at IS NULL AND source = 'ballot_ready';
