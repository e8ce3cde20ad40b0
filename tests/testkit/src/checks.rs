//! Invariants after every test that changes data.

use diesel::PgConnection;
use serde_json::{Value, json};
use winserve_domain::{
    base::CampaignId,
    campaigns::campaign_json,
    positions::{BallotLevel, PositionId},
};

use crate::database::rows;

/// The invariants of design §2, each as the rows that violate it. Most are constraints too; a query finds
/// rows if a constraint was dropped or never validated.
const INVARIANTS: [(&str, &str); 8] = [
    (
        "an organization has exactly one child",
        "SELECT id FROM organization
         WHERE (SELECT count(*) FROM campaign WHERE organization_id = organization.id)
             + (SELECT count(*) FROM elected_office WHERE organization_id = organization.id) <> 1",
    ),
    (
        "a child has the type and the owner of its organization",
        "SELECT organization.id FROM organization
         LEFT JOIN campaign ON campaign.organization_id = organization.id
         LEFT JOIN elected_office ON elected_office.organization_id = organization.id
         WHERE owner_id <> coalesce(campaign.user_id, elected_office.user_id)
            OR (type = 'campaign') <> (campaign.id IS NOT NULL)",
    ),
    (
        "a custom position has its one holder",
        "SELECT id FROM ballot_position WHERE source = 'custom'
         AND (SELECT count(*) FROM campaign WHERE position_id = ballot_position.id)
           + (SELECT count(*) FROM elected_office WHERE position_id = ballot_position.id) <> 1",
    ),
    (
        "a custom position is its own holder's",
        "SELECT position_id FROM campaign
         WHERE position_id LIKE 'custom:%' AND position_id <> 'custom:campaign:' || id
         UNION ALL SELECT position_id FROM elected_office
         WHERE position_id LIKE 'custom:%' AND position_id <> 'custom:office:' || id",
    ),
    (
        "a filter of an elected office has no party flag",
        "SELECT id FROM voter_file_filter WHERE organization_type = 'elected_office'
         AND true IN (party_independent, party_democrat, party_republican, party_unknown)",
    ),
    (
        "a district that was not chosen by hand is an override only when it differs",
        "SELECT holder.id FROM (
             SELECT id::text, position_id, district_manually_set, l2_district_type, l2_district_name
             FROM campaign
             UNION ALL
             SELECT id, position_id, district_manually_set, l2_district_type, l2_district_name
             FROM elected_office) AS holder
         JOIN ballot_position ON ballot_position.id = position_id
         WHERE NOT district_manually_set
           AND (holder.l2_district_type, holder.l2_district_name)
             = (ballot_position.l2_district_type, ballot_position.l2_district_name)",
    ),
    (
        "a district chosen by hand is an override",
        "SELECT id::text FROM campaign WHERE district_manually_set AND l2_district_name IS NULL
         UNION ALL
         SELECT id FROM elected_office WHERE district_manually_set AND l2_district_name IS NULL",
    ),
    (
        "a holder has organization and position, or neither",
        "SELECT id::text FROM campaign WHERE (organization_id IS NULL) <> (position_id IS NULL)
         UNION ALL
         SELECT id FROM elected_office WHERE (organization_id IS NULL) <> (position_id IS NULL)",
    ),
];

/// Fails if an invariant of design §2 is broken.
pub(crate) fn assert_invariants(connection: &mut PgConnection) {
    for (invariant, query) in INVARIANTS {
        let broken = rows(connection, query);
        assert!(broken.is_empty(), "{invariant}: {broken:?}");
    }
}

/// Fails unless both stores match for every campaign that was written to since `since`, a timestamp literal:
/// position, effective district, and everything of a custom position. The facts of a shared position may
/// differ from a holder's own description, and a district that only the position has is inherited: the
/// differences that design §3 accepts by name.
pub(crate) fn assert_no_drift(connection: &mut PgConnection, since: &str) {
    let written = rows(
        connection,
        &format!(
            "SELECT campaign.id, organization_id, details, path_to_victory.data, position_id,
                    district_manually_set, office, ballot_level, level, state, county, city, district,
                    campaign.l2_district_name AS override,
                    coalesce(campaign.l2_district_type, ballot_position.l2_district_type) AS kind,
                    coalesce(campaign.l2_district_name, ballot_position.l2_district_name) AS name
             FROM campaign LEFT JOIN ballot_position ON ballot_position.id = position_id
             LEFT JOIN path_to_victory ON path_to_victory.campaign_id = campaign.id
             WHERE organization_id IS NOT NULL
               AND greatest(campaign.updated_at, path_to_victory.updated_at) > '{since}'"
        ),
    );
    for row in written {
        assert_same(&row);
    }
}

fn assert_same(row: &Value) {
    let id = row["id"].as_i64().and_then(|id| i32::try_from(id).ok()).expect("an id");
    let goals = Some(&row["data"]).filter(|data| !data.is_null());
    let link = campaign_json::decode(CampaignId(id), &row["details"], goals).link;
    assert_eq!(
        json!(link.position.id.to_string()),
        row["position_id"],
        "position of campaign {id}"
    );
    assert_eq!(json!(link.district_manually_set), row["district_manually_set"], "campaign {id}");
    match link.effective_district().map(|effective| &effective.district) {
        Some(own) => {
            let stored = (&row["kind"], &row["name"]);
            assert_eq!(stored, (&json!(own.kind), &json!(own.name)), "district of campaign {id}");
        }
        // A district that the position got later is inherited only in the tables.
        None => assert_eq!(row["override"], Value::Null, "district of campaign {id}"),
    }
    if matches!(link.position.id, PositionId::CustomOfCampaign(_)) {
        let position = link.position;
        let level = position.ballot_level.map(BallotLevel::as_str);
        let said = json!([
            position.office,
            level,
            position.level,
            position.state,
            position.county,
            position.city,
            position.district,
        ]);
        let keys = ["office", "ballot_level", "level", "state", "county", "city", "district"];
        let stored: Vec<&Value> = keys.iter().map(|key| &row[*key]).collect();
        assert_eq!(said, json!(stored), "typed-in office of campaign {id}");
    }
}
