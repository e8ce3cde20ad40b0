-- `backfill run positions` walks positions in the order of their ids, and reads the campaigns that name
-- them. It notes both when it begins: no index on the JSON of a live table serves it.
CREATE TABLE backfill_named_position (
    position_id text COLLATE "C" NOT NULL,
    campaign_id integer NOT NULL,
    PRIMARY KEY (position_id, campaign_id)
);

COMMENT ON TABLE backfill_named_position IS 'Positions that campaigns named when `backfill run positions` began';
COMMENT ON COLUMN backfill_named_position.position_id IS 'As the JSON of the campaign says it, without blanks around it';
COMMENT ON COLUMN backfill_named_position.campaign_id IS 'The campaign; it may be gone by now, or name another one';
