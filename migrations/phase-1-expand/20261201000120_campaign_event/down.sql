DROP TRIGGER campaign_event_of_change ON campaign;
DROP TRIGGER campaign_event ON campaign;
