-- The same work as `backfill restore` on rows that nobody changed, as plain SQL in one transaction.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL work_mem = '256MB';
SET LOCAL jit = off;
SELECT set_config('winserve.writer', 'winserve', true);
UPDATE campaign SET details = archive.details || campaign.details FROM backfill_archive AS archive
WHERE archive.campaign_id = campaign.id AND archive.details IS NOT NULL;
UPDATE path_to_victory SET data = archive.path_to_victory || data FROM backfill_archive AS archive
WHERE archive.campaign_id = path_to_victory.campaign_id AND archive.path_to_victory IS NOT NULL;
DELETE FROM backfill_archive;
COMMIT;
