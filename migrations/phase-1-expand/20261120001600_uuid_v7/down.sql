DROP FUNCTION winserve_uuid_v7;
