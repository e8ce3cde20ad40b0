-- Read with the user at every request: which organizations the user may mean.
CREATE VIEW user_holding AS
    SELECT campaign.user_id, campaign.id AS campaign_id, NULL::text AS elected_office_id,
           organization_id, clerk_organization_id, true AS is_live, is_pro
    FROM campaign LEFT JOIN organization ON organization.id = organization_id
    UNION ALL
    SELECT elected_office.user_id, NULL, elected_office.id,
           organization_id, clerk_organization_id, is_active, NULL
    FROM elected_office LEFT JOIN organization ON organization.id = organization_id;

COMMENT ON VIEW user_holding IS 'Campaigns and elected offices of users, with their organizations';
