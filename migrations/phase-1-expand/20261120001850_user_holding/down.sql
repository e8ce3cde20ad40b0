DROP VIEW user_holding;
