DROP TRIGGER custom_position_event ON ballot_position;
DROP FUNCTION custom_position_event;
