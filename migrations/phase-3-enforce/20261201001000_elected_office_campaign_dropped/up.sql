-- Locked first: no office may be added between the two. In the order of writers: the campaign before its office.
LOCK TABLE campaign, elected_office IN ACCESS EXCLUSIVE MODE;
SELECT offices_name_their_campaign();
DROP TRIGGER elected_office_legacy_change ON elected_office;
DROP TRIGGER elected_office_campaign ON elected_office;
DROP FUNCTION elected_office_legacy_change(), elected_office_campaign(), offices_name_their_campaign();
ALTER TABLE elected_office DROP COLUMN campaign_id;
