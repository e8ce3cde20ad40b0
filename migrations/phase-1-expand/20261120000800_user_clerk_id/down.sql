ALTER TABLE "user" DROP COLUMN clerk_id;
