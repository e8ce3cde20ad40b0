DROP INDEX CONCURRENTLY user_clerk_id_key;
