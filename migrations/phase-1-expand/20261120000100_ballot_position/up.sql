CREATE TABLE ballot_position (
    id text PRIMARY KEY,
    office text,
    ballot_level text CONSTRAINT ballot_position_ballot_level_known CHECK (
        ballot_level IN ('CITY', 'COUNTY', 'FEDERAL', 'LOCAL', 'REGIONAL', 'STATE', 'TOWNSHIP')),
    level text,
    state text,
    county text,
    city text,
    district text,
    zip text,
    l2_district_id text,
    l2_district_type text,
    l2_district_name text,
    source text NOT NULL
        CONSTRAINT ballot_position_source_known CHECK (source IN ('ballot_ready', 'custom')),
    verified_at timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT ballot_position_district_whole CHECK (
        (l2_district_type IS NULL) = (l2_district_name IS NULL)
        AND (l2_district_id IS NULL OR l2_district_name IS NOT NULL)),
    CONSTRAINT ballot_position_custom_id CHECK ((source = 'custom') = (id LIKE 'custom:%'))
);

COMMENT ON TABLE ballot_position IS
    'The single source of BallotReady and L2 facts about an office (design D2, D5)';
COMMENT ON COLUMN ballot_position.id IS
    'BallotReady position id, or custom:campaign:<id> or custom:office:<id> for one holder alone';
COMMENT ON COLUMN ballot_position.office IS 'Name; NULL when nothing was chosen or typed';
COMMENT ON COLUMN ballot_position.ballot_level IS 'BallotReady level, in capitals';
COMMENT ON COLUMN ballot_position.level IS 'Old election level, lower case';
COMMENT ON COLUMN ballot_position.state IS 'State code in capitals';
COMMENT ON COLUMN ballot_position.county IS 'From election-api or a custom office only';
COMMENT ON COLUMN ballot_position.city IS 'From election-api or a custom office only';
COMMENT ON COLUMN ballot_position.district IS 'From election-api or a custom office only';
COMMENT ON COLUMN ballot_position.zip IS 'From election-api or a custom office only';
COMMENT ON COLUMN ballot_position.l2_district_id IS 'election-api id of the district, once known';
COMMENT ON COLUMN ballot_position.l2_district_type IS 'L2 column name, such as City_Ward';
COMMENT ON COLUMN ballot_position.l2_district_name IS 'Name, cleaned by rule A';
COMMENT ON COLUMN ballot_position.source IS 'ballot_ready: shared; custom: of one holder';
COMMENT ON COLUMN ballot_position.verified_at IS
    'When election-api or staff last stated the facts; NULL: a caller did';
COMMENT ON COLUMN ballot_position.created_at IS 'When the row was made';
COMMENT ON COLUMN ballot_position.updated_at IS 'When the facts last changed';
