DROP FUNCTION holder_event;
DROP FUNCTION organization_event_note;
DROP FUNCTION organization_facts;
