DROP TABLE clerk_webhook_message;
