CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS user_clerk_id_key ON "user" (clerk_id);
