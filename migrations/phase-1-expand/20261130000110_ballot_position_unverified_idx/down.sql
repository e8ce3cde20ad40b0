DROP INDEX CONCURRENTLY IF EXISTS ballot_position_unverified_idx;
