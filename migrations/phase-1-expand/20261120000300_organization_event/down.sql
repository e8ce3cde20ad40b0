DROP TABLE organization_event;
