-- For the first login of somebody whom Clerk knows: the account with their e-mail address.
CREATE INDEX CONCURRENTLY IF NOT EXISTS user_email_lower_idx ON "user" (lower(email));
