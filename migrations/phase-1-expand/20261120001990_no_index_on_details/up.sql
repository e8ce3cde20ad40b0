-- An index on an expression of `details` makes every update of a campaign a new entry in each index, and
-- lets more of the old service's serializable updates fail. `backfill run positions` builds it for as long
-- as it runs.
DROP INDEX CONCURRENTLY IF EXISTS campaign_moved_position_id_idx;
