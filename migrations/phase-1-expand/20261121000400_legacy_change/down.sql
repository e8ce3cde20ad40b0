DROP TRIGGER path_to_victory_legacy_change ON path_to_victory;
DROP TRIGGER campaign_legacy_change ON campaign;
DROP FUNCTION path_to_victory_legacy_change;
DROP FUNCTION campaign_legacy_change;
DROP FUNCTION moved_keys;
DROP FUNCTION legacy_change_note;
DROP FUNCTION is_change_of_another_service;
DROP TABLE legacy_change;
