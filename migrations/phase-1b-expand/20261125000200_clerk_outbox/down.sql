DROP FUNCTION clerk_outbox_note;
DROP TABLE clerk_outbox;
