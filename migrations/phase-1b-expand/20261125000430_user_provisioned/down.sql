DROP TRIGGER user_provisioned ON "user";
DROP FUNCTION user_provisioned;
