-- The same work as `backfill run positions` and `run organizations`, without look-ups, as plain SQL in
-- one transaction: what make bench holds the backfill against. It asks for nobody's patience: it
-- locks every row until the end, and cannot go on where it stopped.
\set ON_ERROR_STOP on
\set blank '[\\s\\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]'
BEGIN;
SET LOCAL work_mem = '256MB';
-- Plans of triggers and foreign keys are made while the tables are empty.
SET LOCAL enable_seqscan = off;
SET LOCAL jit = off;

CREATE FUNCTION pg_temp.text_of(object jsonb, key text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(object->key) = 'string' AND object->>key ~ '\S' THEN object->>key END
$$;

CREATE TEMP TABLE said ON COMMIT DROP AS
WITH json AS (
    SELECT campaign.id, campaign.user_id, details, goals.data,
        CASE WHEN jsonb_typeof(details->'positionId') = 'string'
             THEN regexp_replace(details->>'positionId', '^' || :'blank' || '+|' || :'blank' || '+$', '', 'g') END AS position,
        pg_temp.text_of(details, 'office') AS office, pg_temp.text_of(details, 'otherOffice') AS other_office,
        pg_temp.text_of(details, 'state') AS state, pg_temp.text_of(details, 'level') AS level,
        CASE WHEN jsonb_typeof(details->'ballotLevel') = 'string' THEN upper(trim(details->>'ballotLevel')) END AS ballot_level,
        pg_temp.text_of(goals.data, 'electionType') AS kind, pg_temp.text_of(goals.data, 'electionLocation') AS name
    FROM campaign LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id
    WHERE campaign.organization_id IS NULL
)
SELECT id, user_id, custom, CASE WHEN custom THEN 'custom:campaign:' || id ELSE position END AS position,
    CASE WHEN office IS NULL THEN other_office
         WHEN lower(trim(office)) <> 'other' THEN office
         WHEN custom THEN coalesce(other_office, office) ELSE other_office END AS office,
    CASE WHEN trim(state) ~ '^[A-Za-z]{2}$' THEN upper(trim(state)) ELSE trim(state) END AS state,
    lower(trim(level)) AS level,
    CASE WHEN ballot_level IN ('CITY', 'COUNTY', 'FEDERAL', 'LOCAL', 'REGIONAL', 'STATE', 'TOWNSHIP') THEN ballot_level END AS ballot_level,
    CASE WHEN custom THEN pg_temp.text_of(details, 'city') END AS city,
    CASE WHEN custom THEN pg_temp.text_of(details, 'county') END AS county,
    CASE WHEN custom THEN pg_temp.text_of(details, 'district') END AS district,
    CASE WHEN name IS NOT NULL THEN trim(kind) END AS kind,
    CASE WHEN kind IS NULL THEN NULL WHEN name NOT LIKE '%##%' THEN trim(name) ELSE coalesce(
        (SELECT trim(piece) FROM unnest(string_to_array(name, '##')) WITH ORDINALITY AS pieces (piece, place)
         WHERE trim(piece) <> '' ORDER BY length(trim(piece)) DESC, place LIMIT 1), name) END AS name,
    coalesce(data->'districtManuallySet' = 'true', false) AND kind IS NOT NULL AND name IS NOT NULL AS manual,
    coalesce(data->>'source' = 'ElectionApi', false) AS matched
FROM json, LATERAL (SELECT position IS NULL OR position = '' OR octet_length(position) > 256
    OR position LIKE 'custom:%' OR position ~ '[\u0001-\u001F\u007F-\u009F]' AS custom) AS known;
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
