DROP TRIGGER user_email_changed ON "user";
DROP FUNCTION user_email_changed();
