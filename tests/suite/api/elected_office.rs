//! `/v1/elected-office`: winning an office, and holding it (legacy contract §3.8, §5.4).

use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::{Value, json};
use winserve_persistence::migrate::{Group, expand};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::{
    binaries::wait_for_a_blocked_statement,
    fixtures::{self, MAYOR},
};

async fn post(app: &TestApp, user: i32, body: Value) -> Response {
    let client = app.user(user);
    client.send(client.request(Method::POST, "/v1/elected-office").json(&body)).await
}

fn won() -> Value {
    json!({"electedDate": "2024-11-05"})
}

fn candidate(app: &TestApp) {
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
}

/// The office in its rows, and its organization.
fn stored(app: &TestApp) -> Value {
    app.database.row(
        "SELECT elected_office.*, organization.type, organization.owner_id, organization.request_key
         FROM elected_office JOIN organization ON organization.id = organization_id",
    )
}

contract! {
    async fn a_win_is_answered_with_what_is_known_of_the_term(app) {
        candidate(&app);
        let body = json!({
            "electedDate": "2024-11-05", "swornInDate": "2025-01-06", "termLengthDays": "730",
            "unknown": true,
        });
        let response = post(&app, 7, body).await;
        assert_eq!(response.status, 201);
        let mut answer = response.json();
        let id = answer["id"].take();
        assert_eq!(id.as_str().map(str::len), Some(36));
        let row = app.database.row("SELECT * FROM elected_office");
        assert_eq!(row["id"], id);
        // The final schema does not have it.
        assert!(row.get("campaign_id").is_none_or(|campaign| *campaign == 11), "{row}");
        assert_eq!((&row["is_active"], &row["term_length_days"]), (&json!(true), &json!(730)));
        let has_one = app.database.phase().has_tables();
        let organization = row.get("organization_id").filter(|_| has_one);
        assert_eq!(answer, json!({
            "id": null, "electedDate": "2024-11-05", "swornInDate": "2025-01-06",
            "organizationId": organization, "clerkOrganizationId": null,
            "positionId": row.get("position_id").filter(|_| has_one && row["position_id"] == MAYOR),
        }));
    }

    async fn a_repeat_from_the_same_campaign_finds_the_same_office(app) {
        candidate(&app);
        let first = post(&app, 7, won()).await.json();
        let again = post(&app, 7, json!({"electedDate": "2020-01-01", "isActive": false})).await;
        assert_eq!((again.status.as_u16(), again.json()), (200, first));
    }

    async fn twenty_parallel_wins_give_one_office_and_one_answer(app) {
        candidate(&app);
        let posts: Vec<_> = (0..20)
            .map(|_| {
                let client = app.user(7);
                actix_web::rt::spawn(async move {
                    let request = client.request(Method::POST, "/v1/elected-office").json(&won());
                    let response = client.send(request).await;
                    (response.status.as_u16(), response.json())
                })
            })
            .collect();
        let mut answers = Vec::new();
        for post in posts {
            answers.push(post.await.unwrap());
        }
        assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1);
        assert!(answers.iter().all(|(_, answer)| *answer == answers[0].1), "{answers:?}");
        assert_eq!(app.database.row("SELECT count(*) FROM elected_office")["count"], 1);
        if app.database.phase() != Phase::Legacy {
            let organizations = "SELECT FROM organization WHERE type = 'elected_office'";
            assert_eq!(app.database.rows(organizations).len(), 1);
        }
    }

    async fn a_win_from_another_campaign_gives_a_second_office(app) {
        candidate(&app);
        let first = post(&app, 7, won()).await.json();
        fixtures::campaign(&app.database, 10, 7, &json!({}), None);
        let second = app.user_of_campaign(7, 10).post("/v1/elected-office", won()).await;
        assert_eq!(second.status, 201);
        assert_ne!(second.json()["id"], first["id"]);
        let current = app.user(7).get("/v1/elected-office/current").await;
        if app.database.phase().reads_tables() {
            assert_eq!(current.error()["code"], "organization-required");
        } else {
            assert_eq!(current.json()["id"], first["id"], "the oldest one applies");
        }
    }

    async fn without_a_campaign_there_is_nothing_to_win_with(app) {
        fixtures::user(&app.database, 7, "candidate");
        post(&app, 7, won()).await.assert_error(
            403,
            "Forbidden",
            "forbidden",
            "Not allowed to link campaign",
        );
    }

    async fn days_beyond_the_calendar_roll_over(app) {
        candidate(&app);
        let answer = post(&app, 7, json!({"electedDate": "2025-13-45"})).await.json();
        assert_eq!(answer["electedDate"], "2026-02-14");
    }

    async fn a_day_beyond_the_years_that_answers_can_write_is_refused(app) {
        candidate(&app);
        for day in ["0000-00-00", "0001-01-00", "9999-99-99"] {
            let refused = post(&app, 7, json!({"electedDate": day})).await;
            refused.assert_invalid(&json!([["invalid_string", ["electedDate"]]]));
        }
        let created = post(&app, 7, json!({"electedDate": "0001-01-01"})).await.json();
        assert_eq!(created["electedDate"], "0001-01-01");
        let path = format!("/v1/elected-office/{}", created["id"].as_str().unwrap());
        let refused = app.user(7).put(&path, json!({"termEndDate": "0000-00-00"})).await;
        refused.assert_invalid(&json!([["invalid_string", ["termEndDate"]]]));
    }

    async fn each_broken_rule_is_named_by_code_and_path(app) {
        candidate(&app);
        post(&app, 7, json!({})).await.assert_invalid(&json!([["invalid_type", ["electedDate"]]]));
        let body = json!({
            "electedDate": "05.11.2024", "swornInDate": null, "termStartDate": 2024,
            "termEndDate": "2024-1-1", "termLengthDays": 0, "isActive": "yes",
        });
        post(&app, 7, body).await.assert_invalid(&json!([
            ["invalid_string", ["electedDate"]],
            ["invalid_type", ["swornInDate"]],
            ["invalid_type", ["termStartDate"]],
            ["invalid_string", ["termEndDate"]],
            ["too_small", ["termLengthDays"]],
            ["invalid_type", ["isActive"]],
        ]));
        for (days, code) in [(json!(1.5), "invalid_type"), (json!("x"), "invalid_type"), (json!(3e9), "too_big")] {
            let body = json!({"electedDate": "2024-11-05", "termLengthDays": days});
            post(&app, 7, body).await.assert_invalid(&json!([[code, ["termLengthDays"]]]));
        }
        assert!(app.database.rows("SELECT FROM elected_office").is_empty());
    }

    async fn the_current_office_is_an_active_one(app) {
        candidate(&app);
        let missing = (404, "Not Found", "no-organization", "No active elected office found");
        let none = app.user(7).get("/v1/elected-office/current").await;
        none.assert_error(missing.0, missing.1, missing.2, missing.3);
        let mut inactive = won();
        inactive["isActive"] = json!(false);
        post(&app, 7, inactive).await;
        let still_none = app.user(7).get("/v1/elected-office/current").await;
        still_none.assert_error(missing.0, missing.1, missing.2, missing.3);
    }

    async fn an_office_is_its_holders(app) {
        candidate(&app);
        fixtures::user(&app.database, 8, "admin");
        let office = post(&app, 7, won()).await.json();
        let path = format!("/v1/elected-office/{}", office["id"].as_str().unwrap());
        assert_eq!(app.user(7).get(&path).await.json(), office);
        let unknown = (404, "Not Found", "not-found", "Elected office not found");
        // Another user's office looks like one that does not exist.
        let get = app.user(8).get(&path).await;
        get.assert_error(unknown.0, unknown.1, unknown.2, unknown.3);
        let put = app.user(8).put(&path, json!({"isActive": false})).await;
        put.assert_error(unknown.0, unknown.1, unknown.2, unknown.3);
        for id in ["nobody", "%00", "%F0%9F%98%80", &"x".repeat(3000)] {
            let get = app.user(7).get(&format!("/v1/elected-office/{id}")).await;
            get.assert_error(unknown.0, unknown.1, unknown.2, unknown.3);
            let put = app.user(7).put(&format!("/v1/elected-office/{id}"), json!({})).await;
            put.assert_error(unknown.0, unknown.1, unknown.2, unknown.3);
        }
    }

    async fn a_change_keeps_what_it_does_not_name_and_null_clears(app) {
        candidate(&app);
        let mut body = won();
        body["swornInDate"] = json!("2025-01-06");
        let office = post(&app, 7, body).await.json();
        let path = format!("/v1/elected-office/{}", office["id"].as_str().unwrap());
        let change = json!({"swornInDate": null, "termStartDate": "2025-01-07", "termLengthDays": 9});
        let answer = app.user(7).put(&path, change).await.json();
        assert_eq!(answer, json!({
            "id": office["id"], "electedDate": "2024-11-05", "termStartDate": "2025-01-07",
            "organizationId": office["organizationId"], "clerkOrganizationId": null,
            "positionId": office["positionId"],
        }));
        let before = app.database.row("SELECT * FROM elected_office");
        assert_eq!(app.user(7).put(&path, json!({})).await.json(), answer);
        assert_eq!(app.database.row("SELECT * FROM elected_office"), before, "nothing named, nothing written");
    }

    async fn while_the_old_service_reads_offices_a_second_one_is_not_activated(app) {
        candidate(&app);
        let mut inactive = won();
        inactive["isActive"] = json!(false);
        let first = post(&app, 7, inactive).await.json();
        fixtures::campaign(&app.database, 10, 7, &json!({}), None);
        app.user_of_campaign(7, 10).post("/v1/elected-office", won()).await;
        let path = format!("/v1/elected-office/{}", first["id"].as_str().unwrap());
        let activated = app.user(7).put(&path, json!({"isActive": true})).await;
        if app.database.phase() == Phase::Three {
            // Two typed-in offices are two positions.
            assert_eq!(activated.status, 200);
        } else {
            let message = "User already has an active elected office";
            activated.assert_error(409, "Conflict", "conflict", message);
        }
    }
}

#[actix_web::test]
async fn the_office_takes_what_the_campaign_has_now_and_is_independent_afterwards() {
    let app = TestApp::new(Phase::One).await;
    candidate(&app);
    app.database.execute("UPDATE campaign SET can_download_federal = true");
    let pick = json!({
        "details": {"positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI"},
    });
    app.user(7).put("/v1/campaigns/mine", pick).await;
    let own = json!({"pathToVictory": {
        "electionType": "City", "electionLocation": "ADRIAN CITY", "districtManuallySet": true,
    }});
    app.user(7).put("/v1/campaigns/mine", own).await;
    let answer = post(&app, 7, won()).await.json();
    let before = stored(&app);
    let campaign = app.database.row("SELECT organization_id FROM campaign");
    assert_eq!(answer["organizationId"], before["organization_id"]);
    assert_eq!((&before["type"], &before["owner_id"]), (&json!("elected_office"), &json!(7)));
    let key = format!("won:{}", campaign["organization_id"].as_str().unwrap());
    assert_eq!(before["request_key"], json!(key));
    assert_eq!(
        (&before["position_id"], &before["l2_district_name"]),
        (&json!(MAYOR), &json!("ADRIAN CITY"))
    );
    assert_eq!(
        (&before["district_manually_set"], &before["can_download_federal"]),
        (&json!(true), &json!(true))
    );

    let other = json!({"details": {"positionId": null, "office": "Clerk", "otherOffice": ""}});
    app.user(7).put("/v1/campaigns/mine", other).await;
    assert_eq!(stored(&app), before);
}

#[actix_web::test]
async fn a_typed_in_office_is_copied_for_its_holder() {
    let app = TestApp::new(Phase::One).await;
    candidate(&app);
    let typed_in = json!({"details": {"positionId": null, "office": "Dog Catcher", "otherOffice": "", "city": "Adrian"}});
    app.user(7).put("/v1/campaigns/mine", typed_in).await;
    let id = post(&app, 7, won()).await.json()["id"].as_str().unwrap().to_owned();
    app.user(7).put("/v1/campaigns/mine", json!({"details": {"office": "Cat Catcher"}})).await;
    let positions = app.database.rows("SELECT id, office, city FROM ballot_position ORDER BY id");
    assert_eq!(
        positions,
        [
            json!({"id": "custom:campaign:11", "office": "Cat Catcher", "city": "Adrian"}),
            json!({"id": format!("custom:office:{id}"), "office": "Dog Catcher", "city": "Adrian"}),
        ]
    );
}

#[actix_web::test]
async fn a_win_completes_a_campaign_of_before_phase_1() {
    let app = TestApp::new(Phase::One).await;
    candidate(&app);
    app.database.execute(
        "ALTER TABLE campaign DISABLE TRIGGER campaign_organization_has_child;
         UPDATE campaign SET organization_id = NULL, position_id = NULL;
         ALTER TABLE campaign ENABLE TRIGGER campaign_organization_has_child;
         DELETE FROM organization; DELETE FROM ballot_position",
    );
    assert_eq!(post(&app, 7, won()).await.status, 201);
    let organizations = app.database.rows("SELECT type FROM organization ORDER BY type");
    assert_eq!(organizations, [json!({"type": "campaign"}), json!({"type": "elected_office"})]);
}

async fn take(app: &TestApp, key: Option<&str>, body: &Value) -> Response {
    let client = app.user(7);
    let mut request = client.request(Method::POST, "/v1/elected-office").json(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    client.send(request).await
}

#[actix_web::test]
async fn an_office_may_be_held_without_any_campaign() {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    let body = json!({"electedDate": "2024-11-05", "positionId": MAYOR});
    let response = take(&app, None, &body).await;
    assert_eq!(response.status, 201);
    let row = stored(&app);
    assert_eq!((&row["campaign_id"], &row["position_id"]), (&Value::Null, &json!(MAYOR)));
    assert_eq!(
        (&row["l2_district_name"], &row["can_download_federal"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(response.json()["organizationId"], row["organization_id"]);
    let position = app.database.row("SELECT * FROM ballot_position");
    assert_eq!(
        (&position["office"], &position["l2_district_name"]),
        (&json!("Tecumseh City Mayor"), &json!("TECUMSEH CITY"))
    );
    assert_eq!(app.user(7).get("/v1/elected-office/current").await.json(), response.json());
}

#[actix_web::test]
async fn a_typed_in_office_held_without_a_campaign_has_a_position_of_its_own() {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    let office = json!({"office": "Dog Catcher", "state": "MI", "zip": "49286"});
    let body = json!({"electedDate": "2024-11-05", "customOffice": office});
    let answer = take(&app, None, &body).await.json();
    let position = app.database.row("SELECT * FROM ballot_position");
    assert_eq!(position["id"], format!("custom:office:{}", answer["id"].as_str().unwrap()));
    assert_eq!((&position["office"], &position["zip"]), (&json!("Dog Catcher"), &json!("49286")));
}

#[actix_web::test]
async fn a_win_takes_over_what_only_the_tables_know() {
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    let client = app.user(7);
    let office = json!({"customOffice": {"office": "Clerk", "state": "MI", "zip": "49221"}});
    client.send(client.request(Method::POST, "/v1/campaigns").json(&office)).await;
    let own = json!({"L2DistrictType": "County", "L2DistrictName": "LENAWEE"});
    client.put("/v1/campaigns/mine/district", own).await;
    assert_eq!(post(&app, 7, won()).await.status, 201);
    let campaign = app.database.row("SELECT l2_district_id FROM campaign");
    assert!(campaign["l2_district_id"].is_string());
    let row = stored(&app);
    assert_eq!(
        (&row["l2_district_id"], &row["district_manually_set"]),
        (&campaign["l2_district_id"], &json!(true))
    );
    let query = format!(
        "SELECT zip FROM ballot_position WHERE id = '{}'",
        row["position_id"].as_str().unwrap()
    );
    assert_eq!(app.database.row(&query)["zip"], "49221");
}

#[actix_web::test]
async fn a_win_looks_up_the_facts_of_an_unverified_office() {
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    let details =
        json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Emperor", "state": "CA"});
    fixtures::campaign(&app.database, 11, 7, &details, None);
    fixtures::unlink(&app.database);
    post(&app, 7, won()).await;
    let position = app.database.row("SELECT office, state FROM ballot_position");
    assert_eq!(position, json!({"office": "Tecumseh City Mayor", "state": "MI"}));
    assert_eq!(app.database.row("SELECT position_id FROM campaign")["position_id"], MAYOR);
}

#[actix_web::test]
async fn twenty_parallel_requests_with_one_key_make_one_office() {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    let posts: Vec<_> = (0..20)
        .map(|_| {
            let client = app.user(7);
            actix_web::rt::spawn(async move {
                let body = json!({"electedDate": "2024-11-05", "positionId": MAYOR});
                let request = client.request(Method::POST, "/v1/elected-office").json(&body);
                client.send(request.header("Idempotency-Key", "key")).await.json()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for post in posts {
        answers.push(post.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(app.database.row("SELECT count(*) FROM elected_office")["count"], 1);
}

#[actix_web::test]
async fn an_office_named_twice_with_one_key_is_one_office() {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    let body = json!({"electedDate": "2024-11-05", "positionId": MAYOR});
    let first = take(&app, Some("key"), &body).await;
    let again = take(&app, Some("key"), &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(again.json(), first.json());
    let other = json!({"electedDate": "2025-11-05", "positionId": MAYOR});
    assert_eq!(take(&app, Some("key"), &other).await.status, 422);
    assert_eq!(app.database.row("SELECT count(*) FROM elected_office")["count"], 1);
}

/// The old service cannot read such an office.
#[actix_web::test]
async fn before_phase_3_there_is_no_office_without_a_campaign() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let app = TestApp::new(phase).await;
        candidate(&app);
        for office in [json!({"positionId": MAYOR}), json!({"customOffice": {"office": "Clerk"}})] {
            let mut body = office;
            body["electedDate"] = json!("2024-11-05");
            take(&app, None, &body).await.assert_error(
                503,
                "Service Unavailable",
                "not-migrated",
                "This needs a later phase of the migration",
            );
        }
        assert!(app.database.rows("SELECT FROM elected_office").is_empty(), "{phase}");
    }
}

/// Two offices of a campaign, as the old service could leave them before phase 1.
async fn offices_of_before_phase_1() -> TestApp {
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    let details =
        json!({"office": "Dog Catcher", "otherOffice": "", "positionId": null, "state": "MI"});
    let goals = json!({"electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true});
    fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
    app.database.execute(
        "UPDATE campaign SET can_download_federal = true;
         INSERT INTO elected_office (id, user_id, campaign_id, created_at, updated_at, is_active)
         VALUES ('older', 7, 11, '2026-01-01', '2026-01-01', false),
                ('newer', 7, 11, '2026-01-02', '2026-01-02', true)",
    );
    fixtures::unlink(&app.database);
    app
}

#[actix_web::test]
async fn a_write_completes_an_office_of_before_phase_1_with_its_campaigns_position_and_district() {
    let app = offices_of_before_phase_1().await;
    let read = app.user(7).get("/v1/elected-office/older").await.json();
    assert_eq!(read["organizationId"], Value::Null);
    let change = json!({"swornInDate": "2025-01-06"});
    let answer = app.user(7).put("/v1/elected-office/older", change).await.json();
    assert!(answer["organizationId"].is_string());
    let row = stored(&app);
    assert_eq!((&row["id"], &row["position_id"]), (&json!("older"), &json!("custom:office:older")));
    assert_eq!(
        (&row["l2_district_name"], &row["district_manually_set"]),
        (&json!("LENAWEE"), &json!(true))
    );
    assert_eq!(row["can_download_federal"], true);
    let campaign = app.database.row("SELECT organization_id FROM campaign");
    let won = format!("won:{}", campaign["organization_id"].as_str().unwrap());
    assert_eq!(row["request_key"], won, "the oldest office of the campaign");
    let own =
        app.database.row("SELECT office FROM ballot_position WHERE id = 'custom:office:older'");
    assert_eq!(own["office"], "Dog Catcher");
}

#[actix_web::test]
async fn only_the_oldest_office_of_a_campaign_has_the_key_of_the_win() {
    let app = offices_of_before_phase_1().await;
    let change = json!({"swornInDate": "2025-01-06"});
    app.user(7).put("/v1/elected-office/newer", change).await;
    assert_eq!(
        (&stored(&app)["id"], &stored(&app)["request_key"]),
        (&json!("newer"), &Value::Null)
    );
}

#[actix_web::test]
async fn a_repeated_win_completes_the_office_that_it_finds() {
    let app = offices_of_before_phase_1().await;
    let response = post(&app, 7, won()).await;
    assert_eq!((response.status.as_u16(), &response.json()["id"]), (200, &json!("newer")));
    assert_eq!(response.json()["organizationId"], stored(&app)["organization_id"]);
    assert_eq!(post(&app, 7, won()).await.json(), response.json());
}

#[actix_web::test]
async fn an_office_that_the_backfill_completes_meanwhile_is_not_completed_twice() {
    let app = offices_of_before_phase_1().await;
    // The state in which the backfill waits: the campaign is linked, and the older office locked.
    app.database.execute(
        "INSERT INTO ballot_position (id, source, office) VALUES ('custom:campaign:11', 'custom', 'Dog Catcher');
         BEGIN;
         INSERT INTO organization (id, owner_id, type) VALUES ('0193f6a4-0000-7000-8000-00000000000a', 7, 'campaign');
         UPDATE campaign SET organization_id = '0193f6a4-0000-7000-8000-00000000000a', position_id = 'custom:campaign:11',
             l2_district_type = 'County', l2_district_name = 'LENAWEE', district_manually_set = true;
         COMMIT;
         UPDATE elected_office SET is_active = true WHERE id = 'older'",
    );
    let mut backfill = app.database.connect();
    backfill
        .batch_execute(
            "BEGIN;
             SELECT FROM elected_office WHERE id = 'older' FOR NO KEY UPDATE;
             INSERT INTO ballot_position (id, source, office) VALUES ('custom:office:older', 'custom', 'Dog Catcher');
             INSERT INTO organization (id, owner_id, type, request_key)
                 VALUES ('0193f6a4-0000-7000-8000-00000000000b', 7, 'elected_office', 'won:0193f6a4-0000-7000-8000-00000000000a');
             UPDATE elected_office SET organization_id = '0193f6a4-0000-7000-8000-00000000000b',
                 position_id = 'custom:office:older' WHERE id = 'older'",
        )
        .unwrap();
    let client = app.user(7);
    let winning = actix_web::rt::spawn(async move {
        let request = client.request(Method::POST, "/v1/elected-office").json(&won());
        client.send(request).await
    });
    wait_for_a_blocked_statement(&app.database).await;
    backfill.batch_execute("COMMIT").unwrap();
    let answer = winning.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["organizationId"], "0193f6a4-0000-7000-8000-00000000000b");
}

#[actix_web::test]
async fn an_office_whose_campaign_is_gone_is_completed_without_a_position() {
    let app = offices_of_before_phase_1().await;
    // As after a return from phase 3, where the campaign was deleted.
    for group in [Group::Phase2, Group::Phase3] {
        expand(&mut app.database.connect(), group).unwrap();
    }
    app.database.execute("DELETE FROM campaign");
    let change = json!({"swornInDate": "2025-01-06"});
    let answer = app.user(7).put("/v1/elected-office/older", change).await;
    assert_eq!(answer.status, 200);
    let row = stored(&app);
    assert_eq!(
        (&row["position_id"], &row["campaign_id"]),
        (&json!("custom:office:older"), &Value::Null)
    );
}
