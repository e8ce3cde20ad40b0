-- The same work as `backfill clean` on rows that agree, as plain SQL in one transaction: what make bench compares
-- `clean` with. It checks nothing, locks every row until the end, and cannot continue where it stopped.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL work_mem = '256MB';
SET LOCAL jit = off;
SELECT set_config('winserve.writer', 'winserve', true);
CREATE TEMP TABLE removed ON COMMIT DROP AS
SELECT id, keys, CASE WHEN jsonb_typeof(details) = 'object' THEN
        (SELECT jsonb_object_agg(key, details->key) FROM unnest(keys) AS key WHERE details ? key) END AS details,
    CASE WHEN jsonb_typeof(data) = 'object' THEN
        (SELECT jsonb_object_agg(key, data->key) FROM unnest('{electionType,electionLocation,districtManuallySet}'::text[]) AS key
         WHERE data ? key) END AS goals
FROM (SELECT campaign.id, details #> '{}' AS details, goals.data #> '{}' AS data,
          CASE WHEN position_id LIKE 'custom:%'
              THEN '{positionId,ballotLevel,level,state,office,otherOffice,city,county,district}'::text[]
              ELSE '{positionId,ballotLevel,level,state,office,otherOffice}'::text[] END AS keys
      FROM campaign LEFT JOIN path_to_victory AS goals ON goals.campaign_id = campaign.id OFFSET 0) AS unpacked;
INSERT INTO backfill_archive (campaign_id, details, path_to_victory, run_id)
SELECT id, details, goals, gen_random_uuid() FROM removed WHERE details IS NOT NULL OR goals IS NOT NULL;
UPDATE campaign SET details = campaign.details - keys FROM removed
WHERE removed.id = campaign.id AND removed.details IS NOT NULL;
UPDATE path_to_victory SET data = data - '{electionType,electionLocation,districtManuallySet}'::text[] FROM removed
WHERE removed.id = campaign_id AND goals IS NOT NULL;
COMMIT;
