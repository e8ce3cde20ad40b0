//! `status` on 2,500 generated campaigns and the old service's samples, compared with counts that SQL takes
//! from the same JSON by separate rules.

use serde_json::{Value, json};
use winserve_domain::campaigns::{
    Oddity,
    campaign_json::{MOVED_DETAILS, MOVED_DETAILS_OF_CUSTOM},
};
use winserve_migration::Phase;
use winserve_migration::status::{self, Status};
use winserve_testkit::{TestApp, TestDatabase};

use super::generated;
use crate::fixtures;

const CAMPAIGNS: u32 = 2_500;

/// Counts by plain SQL on the JSON. `campaign` and `goals` name the two columns.
const BY_SQL: &str = r#"
    WITH source AS (
        SELECT campaign.id, details AS d, path_to_victory.data AS g, path_to_victory.id IS NOT NULL AS has_goals,
               jsonb_typeof(details) = 'object' AS is_object,
               CASE WHEN jsonb_typeof(details->'positionId') = 'string'
                    THEN nullif(regexp_replace(details->>'positionId', '^\s+|\s+$', '', 'g'), '') END AS position,
               CASE WHEN jsonb_typeof(details->'office') = 'string'
                    THEN nullif(trim(E' \t\n' FROM details->>'office'), '') END AS office,
               CASE WHEN jsonb_typeof(details->'otherOffice') = 'string'
                    THEN nullif(trim(E' \t\n' FROM details->>'otherOffice'), '') END AS other,
               coalesce(jsonb_typeof(path_to_victory.data->'electionType') = 'string'
                   AND trim(path_to_victory.data->>'electionType') <> ''
                   AND jsonb_typeof(path_to_victory.data->'electionLocation') = 'string'
                   AND trim(path_to_victory.data->>'electionLocation') <> '', false) AS has_district
        FROM campaign
        LEFT JOIN path_to_victory ON path_to_victory.campaign_id = campaign.id
    )
    SELECT count(*) AS total,
        count(*) FILTER (WHERE is_object AND position IS NOT NULL) AS known_position,
        count(*) FILTER (WHERE is_object AND position IS NULL AND (office IS NOT NULL OR other IS NOT NULL)) AS custom_office,
        count(*) FILTER (WHERE NOT is_object OR (position IS NULL AND office IS NULL AND other IS NULL)) AS no_office,
        count(*) FILTER (WHERE has_district) AS own_district,
        count(*) FILTER (WHERE has_district AND g->'districtManuallySet' = 'true') AS own_district_by_hand,
        count(*) FILTER (WHERE jsonb_typeof(d) = 'array') AS "details-array",
        count(*) FILTER (WHERE jsonb_typeof(d) = 'string') AS "details-string",
        count(*) FILTER (WHERE jsonb_typeof(d) = 'null') AS "details-null",
        count(*) FILTER (WHERE jsonb_typeof(d) IN ('number', 'boolean')) AS "details-scalar",
        count(*) FILTER (WHERE is_object AND jsonb_typeof(d->'positionId') = 'number') AS "position-id-number",
        count(*) FILTER (WHERE is_object AND d->>'positionId' = '') AS "position-id-empty",
        count(*) FILTER (WHERE is_object AND d->>'positionId' ~ '^\s+$') AS "position-id-blank",
        count(*) FILTER (WHERE is_object AND position IS NOT NULL AND d->>'positionId' <> position) AS "position-id-padded",
        count(*) FILTER (WHERE is_object AND jsonb_typeof(d->'positionId') IN ('boolean', 'array', 'object')) AS "position-id-wrong-type",
        count(*) FILTER (WHERE is_object AND NOT d ? 'positionId' AND (office IS NOT NULL OR other IS NOT NULL)) AS "position-id-missing",
        count(*) FILTER (WHERE is_object AND jsonb_typeof(d->'positionId') = 'null' AND lower(office) = 'other' AND other IS NOT NULL) AS "position-id-null",
        count(*) FILTER (WHERE is_object AND lower(office) = 'other' AND d->>'office' <> 'Other') AS "office-other-spelling",
        count(*) FILTER (WHERE is_object AND lower(office) = 'other' AND other IS NULL) AS "office-other-unnamed",
        count(*) FILTER (WHERE NOT has_goals) AS "path-to-victory-missing",
        count(*) FILTER (WHERE has_goals AND jsonb_typeof(g) <> 'object') AS "path-to-victory-not-object",
        count(*) FILTER (WHERE jsonb_typeof(g->'officeContextFingerprint') = 'null') AS "fingerprint-null",
        count(*) FILTER (WHERE jsonb_typeof(g) = 'object' AND trim(g->>'electionType') <> ''
            AND (g->'electionLocation' IS NULL OR jsonb_typeof(g->'electionLocation') <> 'string' OR trim(g->>'electionLocation') = '')) AS "district-type-only",
        count(*) FILTER (WHERE jsonb_typeof(g) = 'object' AND jsonb_typeof(g->'electionLocation') = 'number') AS "district-wrong-type",
        count(*) FILTER (WHERE has_district AND g->>'electionLocation' LIKE '%##%') AS "district-name-raw",
        count(*) FILTER (WHERE has_district AND g->>'electionLocation' ~ '^[A-Z][A-Z]##(\d\d?##)?\d\d?(##)?$') AS "district-name-state-code"
    FROM source"#;

/// The number with this name anywhere in the status; 0 for an oddity that does not occur.
fn number(status: &Status, name: &str) -> Value {
    let holders = serde_json::to_value(status.campaigns).unwrap();
    let oddity = status.oddities.iter().find(|oddity| oddity.code.code() == name);
    holders.get(name).cloned().unwrap_or_else(|| json!(oddity.map_or(0, |it| it.campaigns)))
}

#[test]
fn the_status_of_generated_campaigns_matches_counts_by_sql() {
    let database = generated::legacy(CAMPAIGNS);
    let status = status::collect(&mut database.connect()).unwrap();
    let by_sql = database.row(BY_SQL);
    for (name, count) in by_sql.as_object().unwrap() {
        assert_eq!((name, number(&status, name)), (name, count.clone()));
        assert_ne!(count, &json!(0), "{name} must occur, or it proves nothing");
    }
    let holders = status.campaigns;
    assert_eq!(holders.total, i64::from(CAMPAIGNS) + 10);
    assert_eq!(holders.known_position + holders.custom_office + holders.no_office, holders.total);
    let offices = database.row("SELECT count(*) FROM elected_office");
    assert_eq!(json!(status.elected_offices.total), offices["count"]);
    assert!(status.elected_offices.own_district_by_hand > 0);
}

/// The details without the moved keys, whose form may change.
fn without_moved_keys(details: &Value) -> Value {
    let mut details = details.clone();
    if let Some(details) = details.as_object_mut() {
        details.retain(|key, _| {
            !MOVED_DETAILS.contains(&key.as_str())
                && !MOVED_DETAILS_OF_CUSTOM.contains(&key.as_str())
        });
    }
    details
}

#[actix_web::test]
async fn generated_campaigns_are_served() {
    let app = TestApp::on(generated::legacy(CAMPAIGNS)).await;
    let campaigns = app
        .database
        .rows("SELECT DISTINCT user_id FROM campaign WHERE id % 12 = 0 OR slug LIKE 'sample-%'");
    assert!(campaigns.len() > 150);
    for row in campaigns {
        let user = i32::try_from(row["user_id"].as_i64().unwrap()).unwrap();
        let response = app.user(user).get("/v1/campaigns/mine").await;
        assert_eq!(response.status, 200, "user {user}");
        let answer = response.json();
        let stored = app.database.row(&format!(
            "SELECT id, details, data, ai_content FROM campaign WHERE user_id = {user} ORDER BY id LIMIT 1"
        ));
        assert_eq!(
            (&answer["id"], &answer["data"], &answer["aiContent"]),
            (&stored["id"], &stored["data"], &stored["ai_content"])
        );
        assert_eq!(
            without_moved_keys(&answer["details"]),
            without_moved_keys(&stored["details"]),
            "user {user}"
        );
    }
}

#[test]
fn every_oddity_is_found_and_its_campaign_named() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let office = |id: Value| json!({"positionId": id, "office": "Other", "otherOffice": "Mayor", "state": "MI"});
    let good = office(json!("Z2lkOi8vYmFsbG90"));
    let with = |key: &str, value: Value| {
        let mut details = good.clone();
        details[key] = value;
        details
    };
    let goals = json!({"electionType": "City", "electionLocation": "TECUMSEH"});
    let goal = |key: &str, value: Value| {
        let mut goals = goals.clone();
        goals[key] = value;
        goals
    };
    let cases: Vec<(Oddity, Value, Option<Value>)> = vec![
        (Oddity::DetailsArray, json!([]), Some(goals.clone())),
        (Oddity::DetailsString, json!(""), Some(goals.clone())),
        (Oddity::DetailsNull, json!(null), Some(goals.clone())),
        (Oddity::DetailsScalar, json!(0), Some(goals.clone())),
        (Oddity::PositionIdNumber, office(json!(4)), Some(goals.clone())),
        (Oddity::PositionIdEmpty, office(json!("")), Some(goals.clone())),
        (Oddity::PositionIdBlank, office(json!(" ")), Some(goals.clone())),
        (Oddity::PositionIdPadded, office(json!(" Z2lkOi8vYmFsbG90")), Some(goals.clone())),
        (Oddity::PositionIdWrongType, office(json!(true)), Some(goals.clone())),
        (Oddity::PositionIdMissing, json!({"office": "Mayor", "state": "MI"}), Some(goals.clone())),
        (Oddity::PositionIdNull, office(json!(null)), Some(goals.clone())),
        (Oddity::PositionIdUnusual, office(json!("46213")), Some(goals.clone())),
        (Oddity::PositionIdReserved, office(json!("custom:campaign:1")), Some(goals.clone())),
        (
            Oddity::RaceIdStale,
            json!({"positionId": null, "office": "Mayor", "state": "MI", "raceId": "Z2lk"}),
            Some(goals.clone()),
        ),
        (Oddity::OfficeOtherSpelling, with("office", json!("OTHER")), Some(goals.clone())),
        (Oddity::OfficeOtherUnnamed, with("otherOffice", json!("")), Some(goals.clone())),
        (
            Oddity::OfficeEmpty,
            json!({"positionId": "Z2lkOi8vYmFsbG90", "office": null}),
            Some(goals.clone()),
        ),
        (Oddity::OfficeNamesDiffer, with("office", json!("Clerk")), Some(goals.clone())),
        (Oddity::OfficeWrongType, with("office", json!(5)), Some(goals.clone())),
        (Oddity::StateMissing, with("state", json!("")), Some(goals.clone())),
        (Oddity::StateSpelling, with("state", json!("mi")), Some(goals.clone())),
        (Oddity::StateUnknown, with("state", json!("XX")), Some(goals.clone())),
        (Oddity::GeographyWrongType, with("level", json!(5)), Some(goals.clone())),
        (Oddity::BallotLevelSpelling, with("ballotLevel", json!("City")), Some(goals.clone())),
        (Oddity::BallotLevelUnknown, with("ballotLevel", json!("GALAXY")), Some(goals.clone())),
        (Oddity::PathToVictoryMissing, good.clone(), None),
        (Oddity::PathToVictoryNotObject, good.clone(), Some(json!("Waiting"))),
        (
            Oddity::FingerprintNull,
            good.clone(),
            Some(goal("officeContextFingerprint", json!(null))),
        ),
        (Oddity::DistrictTypeOnly, good.clone(), Some(goal("electionLocation", json!("")))),
        (Oddity::DistrictNameOnly, good.clone(), Some(goal("electionType", json!("")))),
        (Oddity::DistrictIdOnly, good.clone(), Some(json!({"districtId": "d"}))),
        (Oddity::DistrictWrongType, good.clone(), Some(json!({"electionType": 4}))),
        (
            Oddity::DistrictNameRaw,
            good.clone(),
            Some(goal("electionLocation", json!("MI##TECUMSEH"))),
        ),
        (
            Oddity::DistrictNameStateCode,
            good.clone(),
            Some(goal("electionLocation", json!("CA##05"))),
        ),
        (
            Oddity::DistrictNameLeadingZero,
            good.clone(),
            Some(goal("electionLocation", json!("017"))),
        ),
        (
            Oddity::DistrictNameEstimated,
            good.clone(),
            Some(goal("electionLocation", json!("A (EST.)"))),
        ),
        (Oddity::DistrictNameQuoted, good.clone(), Some(goal("electionLocation", json!("\"A\"")))),
        (Oddity::ManualWithoutDistrict, good.clone(), Some(json!({"districtManuallySet": true}))),
        (Oddity::ManualWrongType, good.clone(), Some(goal("districtManuallySet", json!("yes")))),
    ];
    for (index, (_, details, goals)) in cases.iter().enumerate() {
        let id = i32::try_from(index).unwrap() + 1;
        fixtures::campaign(&database, id, 7, details, goals.as_ref());
    }
    let status = status::collect(&mut database.connect()).unwrap();
    for (index, (oddity, ..)) in cases.iter().enumerate() {
        let id = i32::try_from(index).unwrap() + 1;
        let found = status.oddities.iter().find(|found| found.code == *oddity);
        let examples = found.map(|found| found.examples.clone()).unwrap_or_default();
        assert!(examples.contains(&id), "{oddity:?} of campaign {id}: {examples:?}");
    }
    let unreadable = [Oddity::DetailsUnreadable, Oddity::PathToVictoryUnreadable];
    assert_eq!(cases.len() + unreadable.len(), Oddity::ALL.len(), "every oddity has its case");
    assert_eq!(status.users_with_several_campaigns, 1);
}

#[actix_web::test]
async fn json_that_only_postgresql_can_hold_is_named_and_stops_nothing() {
    let app = TestApp::new(Phase::Legacy).await;
    fixtures::user(&app.database, 7, "candidate");
    for id in [11, 12, 13] {
        fixtures::campaign(&app.database, id, 7, &json!({}), Some(&json!({})));
    }
    app.database.execute(
        "UPDATE campaign SET details = (repeat('[', 200) || repeat(']', 200))::jsonb WHERE id = 11;
         UPDATE path_to_victory SET data = '{\"winNumber\": 1e400}' WHERE campaign_id = 12",
    );
    let status = status::collect(&mut app.database.connect()).unwrap();
    assert_eq!(status.campaigns.total, 3);
    for (oddity, id) in [(Oddity::DetailsUnreadable, 11), (Oddity::PathToVictoryUnreadable, 12)] {
        let found = status.oddities.iter().find(|it| it.code == oddity).unwrap();
        assert_eq!(found.examples, [id]);
    }
    app.database.execute("DELETE FROM campaign WHERE id = 13");
    let mine = app.user(7).get("/v1/campaigns/mine").await;
    assert_eq!((mine.status.as_u16(), &mine.json()["details"]), (200, &json!({})));
}

#[test]
fn offices_count_with_what_their_campaign_says() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let details = json!({"positionId": "Z2lkOi8vYmFsbG90", "office": "other", "otherOffice": "Mayor", "state": "MI"});
    let goals =
        json!({"electionType": "City", "electionLocation": "A", "districtManuallySet": true});
    fixtures::campaign(&database, 11, 7, &details, Some(&goals));
    for id in ["a", "b"] {
        database.execute(&format!(
            "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('{id}', now(), 7, 11)"
        ));
    }
    let status = status::collect(&mut database.connect()).unwrap();
    let expected = json!({
        "total": 2, "known_position": 2, "custom_office": 0, "no_office": 0, "own_district": 2,
        "own_district_by_hand": 2,
    });
    assert_eq!(serde_json::to_value(status.elected_offices).unwrap(), expected);
    assert_eq!(status.campaigns_with_several_offices, 1);
    assert_eq!(status.users_with_several_active_offices, 1);
    let odd = status.oddities.iter().find(|it| it.code == Oddity::OfficeOtherSpelling).unwrap();
    assert_eq!((odd.campaigns, odd.elected_offices), (1, 2));
    let text = status::table(&status);
    assert!(text.contains("office-other-spelling") && text.contains("known position"), "{text}");
}

#[test]
fn addresses_of_several_users_are_listed() {
    let database = TestDatabase::new();
    for id in 7..=12 {
        fixtures::user(&database, id, "candidate");
    }
    let status = status::collect(&mut database.connect()).unwrap();
    assert_eq!(status.emails_of_several_users.total, 0);
    assert!(!status::table(&status).contains("e-mail"));
    database.execute(
        r#"UPDATE "user" SET email = 'A@example.org' WHERE id = 7; UPDATE "user" SET email = 'a@EXAMPLE.org' WHERE id = 12;
           UPDATE "user" SET email = 'a@example.org' WHERE id = 9; UPDATE "user" SET email = 'USER8@example.org' WHERE id = 10"#,
    );
    let status = status::collect(&mut database.connect()).unwrap();
    let expected = json!({"total": 2, "users": [[7, 9, 12], [8, 10]]});
    assert_eq!(serde_json::to_value(&status.emails_of_several_users).unwrap(), expected);
    let text = status::table(&status);
    assert!(text.contains("by user id: 7 9 12; 8 10."), "{text}");
}

#[test]
fn an_empty_database_has_an_empty_status() {
    let status = status::collect(&mut TestDatabase::new().connect()).unwrap();
    assert_eq!((status.campaigns.total, status.oddities.len()), (0, 0));
}
