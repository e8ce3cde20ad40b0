-- Pat's first campaign waits for Clerk, and Sam's last one was given up: a retry succeeds.
CREATE TEMPORARY TABLE waiting ON COMMIT DROP AS
    SELECT organization_id, campaign.id = 1000000010 AS is_dead, clerk_id
    FROM campaign JOIN "user" ON "user".id = user_id WHERE campaign.id IN (1000000006, 1000000010);
UPDATE organization SET clerk_organization_id = NULL WHERE id IN (SELECT organization_id FROM waiting);
DELETE FROM clerk_outbox WHERE organization_id IN (SELECT organization_id FROM waiting);
-- Clerk may have them from an earlier attempt: they are looked for first.
INSERT INTO clerk_outbox (organization_id, creating_since, creating_for, attempts, next_attempt_at, last_failure,
    dead_at, dead_reason)
SELECT organization_id, now(), clerk_id, 3, now() + interval '1 day', 'no-answer',
    CASE WHEN is_dead THEN now() END, CASE WHEN is_dead THEN 'no-answer' END
FROM waiting;
