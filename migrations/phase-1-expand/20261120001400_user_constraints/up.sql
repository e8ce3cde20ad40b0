ALTER TABLE "user" ADD CONSTRAINT user_clerk_id_key UNIQUE USING INDEX user_clerk_id_key;
