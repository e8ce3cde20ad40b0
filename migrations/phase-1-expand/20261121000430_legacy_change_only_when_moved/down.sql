DROP TRIGGER path_to_victory_legacy_change_of_data ON path_to_victory;
DROP TRIGGER path_to_victory_legacy_change ON path_to_victory;
CREATE TRIGGER path_to_victory_legacy_change AFTER INSERT OR DELETE OR UPDATE OF data ON path_to_victory
    FOR EACH ROW WHEN (is_change_of_another_service())
    EXECUTE FUNCTION path_to_victory_legacy_change();

DROP TRIGGER campaign_legacy_change_of_details ON campaign;
DROP TRIGGER campaign_legacy_change ON campaign;
CREATE TRIGGER campaign_legacy_change AFTER INSERT OR UPDATE OF details ON campaign
    FOR EACH ROW WHEN (is_change_of_another_service())
    EXECUTE FUNCTION campaign_legacy_change();
