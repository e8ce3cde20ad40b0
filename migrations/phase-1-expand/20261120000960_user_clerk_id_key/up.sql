CREATE UNIQUE INDEX CONCURRENTLY user_clerk_id_key ON "user" (clerk_id);
