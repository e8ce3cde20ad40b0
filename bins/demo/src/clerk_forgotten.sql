-- The emulator of Clerk has forgotten its organizations with the process that it ran in: `api` creates them anew.
DELETE FROM clerk_outbox;
UPDATE organization SET clerk_organization_id = NULL WHERE clerk_organization_id IS NOT NULL;
SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization));
