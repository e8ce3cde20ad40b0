ALTER TABLE "user" DROP COLUMN legacy_tokens_after, DROP COLUMN proven_email;
