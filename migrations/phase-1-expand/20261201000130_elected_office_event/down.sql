DROP TRIGGER elected_office_event_of_change ON elected_office;
DROP TRIGGER elected_office_event ON elected_office;
