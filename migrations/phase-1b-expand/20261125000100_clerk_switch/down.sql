DROP TABLE clerk_budget;
DROP TABLE clerk_switch;
