//! Phase 2 reads office and district from the tables, whatever the JSON says
//! (`docs/read-paths.md`).

use serde_json::{Value, json};
use winserve_migration::Phase;
use winserve_testkit::{Client, TestApp};

use crate::fixtures::{self, COUNCIL, MAYOR};

const MINE: &str = "/v1/campaigns/mine";

/// A hundred users with a campaign each: for the mayor's office, for the council with their own district, for
/// a typed-in office, and for none; every fifth has won. User 1 is staff.
async fn app_of_100_users() -> TestApp {
    let app = TestApp::with_clerk(Phase::Two).await;
    fixtures::user(&app.database, 1, "admin");
    app.database.execute(&format!(
        r#"INSERT INTO "user" (id, updated_at, name, email, roles)
               SELECT id, now(), 'Ann User', 'user' || id || '@example.org', '{{candidate}}'
               FROM generate_series(101, 200) AS id;
           INSERT INTO campaign (id, created_at, updated_at, slug, user_id, is_pro, data, details)
               SELECT id, '2026-01-01', '2026-01-02', 'slug-' || id, id, true, '{{}}', CASE id % 4
                   WHEN 0 THEN '{{"positionId": "{MAYOR}", "office": "Other", "otherOffice": "Mayor", "state": "MI", "ballotLevel": "CITY", "electionDate": "2028-11-07"}}'
                   WHEN 1 THEN '{{"positionId": "{COUNCIL}", "office": "Other", "otherOffice": "Council", "state": "WY"}}'
                   WHEN 2 THEN jsonb_build_object('positionId', NULL, 'office', 'Dog Catcher', 'otherOffice', '', 'state', 'MI', 'city', 'Adrian')
                   ELSE '{{}}' END
               FROM generate_series(101, 200) AS id;
           INSERT INTO path_to_victory (id, created_at, updated_at, campaign_id, data)
               SELECT id, '2026-01-01', '2026-01-02', id, CASE id % 4
                   WHEN 1 THEN '{{"electionType": "City_Ward", "electionLocation": "CHEYENNE CITY WARD 2", "districtManuallySet": true}}'
                   ELSE '{{"p2vStatus": "Waiting"}}' END::jsonb
               FROM generate_series(101, 200) AS id WHERE id % 3 > 0;
           INSERT INTO elected_office (id, updated_at, user_id, campaign_id)
               SELECT 'office-' || id, '2026-01-02', id, id FROM generate_series(101, 200, 5) AS id"#,
    ));
    app
}

/// The answers of all routes that show an office or a district.
async fn answers(app: &TestApp) -> Vec<(String, Value)> {
    let mut answers = Vec::new();
    let mut ask = async |client: &Client, path: String| {
        let answer = client.get(&path).await;
        let body = if answer.status == 200 { answer.json() } else { json!(answer.error()["code"]) };
        answers.push((path, json!([answer.status.as_u16(), body])));
    };
    for user in 101..=200 {
        let client = app.user(user);
        for path in [MINE, "/v1/campaigns/mine/status", "/v1/organizations"] {
            ask(&client, path.to_owned()).await;
        }
    }
    let staff = app.user(1);
    for query in ["", "?state=MI", "?state=WY", "?level=city", "?level=local", "?state=OH"] {
        ask(&staff, format!("/v1/campaigns{query}")).await;
    }
    ask(&staff, "/v1/campaigns/slug/slug-101".to_owned()).await;
    ask(&staff, "/v1/organizations/admin/list?page=1".to_owned()).await;
    app.clerk().add_machine_token("mt_good", "mch_1", None);
    let machine = app.anonymous().authorized("Bearer mt_good");
    for path in ["campaigns/list", "campaigns/101", "path-to-victory/list", "path-to-victory/101"] {
        ask(&machine, format!("/v1/{path}")).await;
    }
    answers
}

#[actix_web::test]
async fn overwriting_the_json_of_a_hundred_campaigns_changes_no_answer() {
    let app = app_of_100_users().await;
    app.database.expect_damage();
    // Reading the status records a visit.
    answers(&app).await;
    let before = answers(&app).await;
    let shown = |path: &str| before.iter().find(|it| it.0 == path).unwrap().1.to_string();
    assert!(shown("/v1/campaigns?state=MI").contains("Dog Catcher"));
    assert!(shown("/v1/path-to-victory/101").contains("CHEYENNE CITY WARD 2"));
    app.database.execute_unmapped(&format!(
        r#"UPDATE campaign SET details = details || '{{"state": "OH", "level": "federal", "ballotLevel": "FEDERAL"}}'
               || CASE WHEN id % 4 IN (0, 1) THEN '{{"positionId": "{COUNCIL}x", "office": "President", "otherOffice": "King"}}'::jsonb
                       WHEN id % 4 = 2 THEN '{{"positionId": "{MAYOR}", "office": "Other", "city": "Paris", "county": "x", "district": "y"}}'
                       ELSE '{{"positionId": "{MAYOR}", "office": "Emperor"}}' END;
           UPDATE path_to_victory SET data = data || '{{"electionType": "State", "electionLocation": "OH", "districtManuallySet": true}}'"#
    ));
    for (before, after) in before.into_iter().zip(answers(&app).await) {
        assert_eq!(before, after);
    }
}

#[actix_web::test]
async fn changing_a_position_changes_the_answers_of_all_who_inherit_from_it() {
    let app = app_of_100_users().await;
    let mayors = (101..=200).filter(|id| id % 4 == 0);
    app.database.execute_unmapped(&format!(
        "UPDATE ballot_position SET office = 'Burgomaster', state = 'OH', ballot_level = 'COUNTY',
             l2_district_type = 'County', l2_district_name = 'LENAWEE', l2_district_id = NULL WHERE id = '{MAYOR}'"
    ));
    for id in mayors {
        let campaign = app.user_of_campaign(id, id).get(MINE).await.json();
        assert_eq!(campaign["details"]["otherOffice"], "Burgomaster");
        assert_eq!(campaign["details"]["state"], "OH");
        if let Some(goals) = campaign["pathToVictory"].as_object() {
            assert_eq!(goals["data"]["electionLocation"], "LENAWEE");
        }
        let organizations = app.user(id).get("/v1/organizations").await.json();
        for item in organizations["organizations"].as_array().unwrap() {
            assert_eq!(item["positionName"], "Burgomaster");
            assert_eq!(item["district"]["name"], "LENAWEE");
        }
    }
    let listed = app.user(1).get("/v1/campaigns?state=OH&level=county").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 25);
    app.database.expect_damage();
}

#[actix_web::test]
async fn a_write_answers_what_the_next_read_answers() {
    let app = app_of_100_users().await;
    let mayor = app.user_of_campaign(104, 104);
    let dog_catcher = app.user_of_campaign(102, 102);
    let pick = json!({"details": {"positionId": COUNCIL, "office": "Other", "otherOffice": "Emperor", "state": "CA"}});
    for (client, body) in [
        (&mayor, json!({"details": {"otherOffice": "Emperor", "state": "CA"}})),
        (&mayor, json!({"details": {"occupation": "Baker"}})),
        (&mayor, pick.clone()),
        (&dog_catcher, json!({"details": {"office": "Cat Catcher"}})),
        (&dog_catcher, pick),
    ] {
        let written = client.put(MINE, body.clone()).await.json();
        assert_eq!(written, client.get(MINE).await.json(), "{body}");
    }
    let wy = dog_catcher.get(MINE).await.json();
    assert_eq!(
        (&wy["details"]["otherOffice"], &wy["details"]["state"]),
        (&json!("Cheyenne City Council - Ward 1"), &json!("WY"))
    );
}

#[actix_web::test]
async fn json_that_has_no_place_for_it_takes_neither_office_nor_district_away() {
    let app = app_of_100_users().await;
    app.database.expect_damage();
    app.database.execute_unmapped(
        "SET winserve.writer = 'winserve';
         UPDATE campaign SET details = '[]' WHERE id = 104;
         DELETE FROM path_to_victory WHERE campaign_id = 101;
         DELETE FROM elected_office WHERE user_id = 101",
    );
    let link = |id: i32| {
        app.database.row(&format!(
            "SELECT position_id, l2_district_name, district_manually_set FROM campaign WHERE id = {id}"
        ))
    };
    let (mayor, council) = (link(104), link(101));
    let status = app.user(104).get("/v1/campaigns/mine/status").await.json();
    assert_eq!(status["step"], 2, "an office is chosen");
    let path = format!("/v1/organizations/admin/{}", app.organization_of(104).as_str().unwrap());
    let staff = app.user(1).request(reqwest::Method::PATCH, &path);
    let changed = app.user(1).send(staff.json(&json!({"canDownloadFederal": true}))).await;
    assert_eq!(changed.status, 200);
    let renamed = app.user(101).put(MINE, json!({"details": {"otherOffice": "Emperor"}})).await;
    assert_eq!(renamed.status, 200);
    assert_eq!((link(104), link(101)), (mayor, council.clone()));
    let won = app.user(101).post("/v1/elected-office", json!({"electedDate": "2026-11-03"})).await;
    assert_eq!(won.status, 201, "{}", won.json());
    let office = "SELECT position_id, l2_district_name, district_manually_set FROM elected_office WHERE user_id = 101";
    assert_eq!(app.database.row(office), council);
}

#[actix_web::test]
async fn a_change_of_another_service_survives_writes_before_it_is_repaired() {
    let app = app_of_100_users().await;
    app.database.execute_unmapped(
        "UPDATE campaign SET details = details || '{\"state\": \"PA\"}' WHERE id = 102;
         UPDATE path_to_victory SET data = data || '{\"electionType\": \"City\", \"electionLocation\": \"ADRIAN CITY\"}' WHERE campaign_id = 103",
    );
    for id in [102, 103] {
        let client = app.user_of_campaign(id, id);
        let written = client.put(MINE, json!({"details": {"occupation": "Baker"}})).await.json();
        assert_eq!(written, client.get(MINE).await.json());
    }
    let stored = |id: i32| {
        app.database.row(&format!(
            "SELECT details->>'state' AS said, state, campaign.l2_district_name AS district FROM campaign
             JOIN ballot_position AS held ON held.id = position_id WHERE campaign.id = {id}"
        ))
    };
    assert_eq!(stored(102), json!({"said": "PA", "state": "PA", "district": null}));
    assert_eq!(stored(103)["district"], "ADRIAN CITY");
}
