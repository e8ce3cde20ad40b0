-- The index goes with the constraint; the migration before this one drops it when undone.
ALTER TABLE "user" DROP CONSTRAINT user_clerk_id_key;
CREATE UNIQUE INDEX user_clerk_id_key ON "user" (clerk_id);
