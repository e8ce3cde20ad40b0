-- The same work as `backfill run positions` and `run organizations`, without look-ups, as plain SQL in
-- one transaction: what make bench holds the backfill against. It asks for nobody's patience: it
-- locks every row until the end, and cannot go on where it stopped.
\set ON_ERROR_STOP on
SELECT E'\t\n\u000B\f\r \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000' AS blank \gset
BEGIN;
SET LOCAL work_mem = '256MB';
SET LOCAL jit = off;

CREATE TEMP TABLE said ON COMMIT DROP AS
WITH picked AS (
    -- Each value is unpacked once.
    SELECT id, user_id, details->'positionId' AS position, details->'office' AS office, details->'otherOffice' AS other_office,
        details->'state' AS state, details->'level' AS level, details->'ballotLevel' AS ballot_level,
        details->'city' AS city, details->'county' AS county, details->'district' AS district,
        goals->'electionType' AS kind, goals->'electionLocation' AS name,
        coalesce(goals->'districtManuallySet' = 'true', false) AS manual, coalesce(goals->'source' = '"ElectionApi"', false) AS matched
    FROM (SELECT campaign.id, user_id, details #> '{}' AS details, goals.data #> '{}' AS goals
          FROM campaign LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id
          WHERE campaign.organization_id IS NULL OFFSET 0) AS unpacked
    OFFSET 0
), texts AS (
    SELECT id, user_id, manual, matched,
        CASE WHEN jsonb_typeof(position) = 'string' THEN btrim(position #>> '{}', :'blank') END AS position,
        CASE WHEN jsonb_typeof(office) = 'string' THEN office #>> '{}' END AS office,
        CASE WHEN jsonb_typeof(other_office) = 'string' THEN other_office #>> '{}' END AS other_office,
        CASE WHEN jsonb_typeof(state) = 'string' THEN btrim(state #>> '{}', :'blank') END AS state,
        CASE WHEN jsonb_typeof(level) = 'string' THEN btrim(level #>> '{}', :'blank') END AS level,
        CASE WHEN jsonb_typeof(ballot_level) = 'string' THEN upper(btrim(ballot_level #>> '{}', :'blank')) END AS ballot_level,
        CASE WHEN jsonb_typeof(city) = 'string' THEN city #>> '{}' END AS city,
        CASE WHEN jsonb_typeof(county) = 'string' THEN county #>> '{}' END AS county,
        CASE WHEN jsonb_typeof(district) = 'string' THEN district #>> '{}' END AS district,
        CASE WHEN jsonb_typeof(kind) = 'string' THEN btrim(kind #>> '{}', :'blank') END AS kind,
        CASE WHEN jsonb_typeof(name) = 'string' THEN btrim(name #>> '{}', :'blank') END AS name
    FROM picked
    OFFSET 0
), json AS (
    SELECT id, user_id, manual, matched, ballot_level,
        position IS NULL OR position = '' OR octet_length(position) > 256
            OR position LIKE 'custom:%' OR position ~ '[\u0001-\u001F\u007F-\u009F]' AS custom, position,
        CASE WHEN btrim(office, :'blank') <> '' THEN office END AS office,
        CASE WHEN btrim(other_office, :'blank') <> '' THEN other_office END AS other_office,
        nullif(state, '') AS state, lower(nullif(level, '')) AS level,
        CASE WHEN btrim(city, :'blank') <> '' THEN city END AS city,
        CASE WHEN btrim(county, :'blank') <> '' THEN county END AS county,
        CASE WHEN btrim(district, :'blank') <> '' THEN district END AS district,
        nullif(kind, '') AS kind, nullif(name, '') AS name
    FROM texts
    OFFSET 0
)
SELECT id, user_id, custom, CASE WHEN custom THEN 'custom:campaign:' || id ELSE position END AS position,
    CASE WHEN office IS NULL THEN other_office
         WHEN lower(btrim(office, :'blank')) <> 'other' THEN office
         WHEN custom THEN coalesce(other_office, office) ELSE other_office END AS office,
    CASE WHEN state ~ '^[A-Za-z]{2}$' THEN upper(state) ELSE state END AS state,
    level,
    CASE WHEN ballot_level IN ('CITY', 'COUNTY', 'FEDERAL', 'LOCAL', 'REGIONAL', 'STATE', 'TOWNSHIP') THEN ballot_level END AS ballot_level,
    CASE WHEN custom THEN city END AS city, CASE WHEN custom THEN county END AS county,
    CASE WHEN custom THEN district END AS district,
    CASE WHEN name IS NOT NULL THEN kind END AS kind,
    CASE WHEN kind IS NULL THEN NULL WHEN name NOT LIKE '%##%' THEN name ELSE coalesce(
        (SELECT btrim(piece, :'blank') FROM unnest(string_to_array(name, '##')) WITH ORDINALITY AS pieces (piece, place)
         WHERE btrim(piece, :'blank') <> '' ORDER BY length(btrim(piece, :'blank')) DESC, place LIMIT 1), name) END AS name,
    manual AND kind IS NOT NULL AND name IS NOT NULL AS manual, matched
FROM json;
CREATE INDEX ON said (id);
ANALYZE said;

INSERT INTO ballot_position (id, office, ballot_level, level, state, l2_district_type, l2_district_name, source)
SELECT position, office, ballot_level, level, state, district[1], district[2], 'ballot_ready'
FROM (SELECT position,
          mode() WITHIN GROUP (ORDER BY office COLLATE "C") AS office,
          mode() WITHIN GROUP (ORDER BY ballot_level COLLATE "C") AS ballot_level,
          mode() WITHIN GROUP (ORDER BY level COLLATE "C") AS level,
          mode() WITHIN GROUP (ORDER BY state COLLATE "C") AS state,
          coalesce(mode() WITHIN GROUP (ORDER BY ARRAY[kind, name] COLLATE "C") FILTER (WHERE name IS NOT NULL AND kind IS NOT NULL AND matched AND NOT manual),
                   mode() WITHIN GROUP (ORDER BY ARRAY[kind, name] COLLATE "C") FILTER (WHERE name IS NOT NULL AND kind IS NOT NULL)) AS district
      FROM said WHERE NOT custom GROUP BY position) AS agreed;
INSERT INTO ballot_position (id, office, ballot_level, level, state, city, county, district, source)
SELECT position, office, ballot_level, level, state, city, county, district, 'custom' FROM said WHERE custom;

CREATE TEMP TABLE made ON COMMIT DROP AS SELECT id, user_id, winserve_uuid_v7() AS organization_id FROM said;
CREATE INDEX ON made (id);
ANALYZE made;
INSERT INTO organization (id, owner_id, type) SELECT organization_id, user_id, 'campaign' FROM made;
UPDATE campaign SET position_id = said.position, organization_id = made.organization_id,
    l2_district_type = CASE WHEN own THEN said.kind END, l2_district_name = CASE WHEN own THEN said.name END,
    district_manually_set = said.manual
FROM said JOIN made USING (id) JOIN ballot_position AS held ON held.id = said.position,
    LATERAL (SELECT said.name IS NOT NULL AND said.kind IS NOT NULL AND (said.manual
        OR (said.kind, said.name) IS DISTINCT FROM (held.l2_district_type, held.l2_district_name)) AS own) AS override
WHERE campaign.id = said.id;

CREATE TEMP TABLE office ON COMMIT DROP AS
SELECT elected_office.id, elected_office.user_id, winserve_uuid_v7() AS organization_id, campaign.id AS campaign_id, run_for.*,
    CASE WHEN source = 'custom' THEN 'custom:office:' || elected_office.id ELSE campaign.position_id END AS position,
    CASE WHEN elected_office.id = first_value(elected_office.id) OVER (PARTITION BY campaign_id
             ORDER BY elected_office.created_at, elected_office.id) THEN 'won:' || campaign.organization_id END AS request_key
FROM elected_office JOIN campaign ON campaign.id = campaign_id
JOIN LATERAL (SELECT source, office, ballot_level, level, state, city, county, district FROM ballot_position
              WHERE ballot_position.id = campaign.position_id) AS run_for ON true
WHERE elected_office.organization_id IS NULL;
INSERT INTO ballot_position (id, office, ballot_level, level, state, city, county, district, source)
SELECT position, office, ballot_level, level, state, city, county, district, 'custom' FROM office WHERE source = 'custom';
INSERT INTO organization (id, owner_id, type, request_key) SELECT organization_id, user_id, 'elected_office', request_key FROM office;
UPDATE elected_office SET position_id = office.position, organization_id = office.organization_id,
    l2_district_type = campaign.l2_district_type, l2_district_name = campaign.l2_district_name,
    district_manually_set = campaign.district_manually_set, can_download_federal = campaign.can_download_federal
FROM office JOIN campaign ON campaign.id = office.campaign_id WHERE elected_office.id = office.id;
COMMIT;
