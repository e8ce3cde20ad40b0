DROP TRIGGER legacy_change_remember ON legacy_change;
DROP FUNCTION legacy_change_remember;
ALTER TABLE legacy_change_lease DROP COLUMN last_change_at;
