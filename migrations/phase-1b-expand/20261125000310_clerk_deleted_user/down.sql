DROP TABLE clerk_deleted_user;
