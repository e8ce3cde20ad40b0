//! `POST /v1/campaigns` with `fromElectedOffice`, and what a user may start (`GET /v1/eligibility`).

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures::{self, MAYOR};

async fn post(app: &TestApp, path: &str, key: Option<&str>, body: Value) -> Response {
    let client = app.user(7);
    let mut request = client.request(Method::POST, path).json(&body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    client.send(request).await
}

async fn run_again(app: &TestApp, key: Option<&str>, office: &Value) -> Response {
    post(app, "/v1/campaigns", key, json!({"fromElectedOffice": office["id"]})).await
}

/// A mayor whose district was set by hand, with the campaign that they won with. It is 2026-02-25.
async fn mayor() -> (TestApp, Value) {
    let app = TestApp::new(Phase::Three).await;
    app.election.set_clock(1_772_022_896);
    fixtures::user(&app.database, 7, "candidate");
    let race = json!({
        "positionId": MAYOR, "electionDate": "2024-11-05", "raceId": "race", "hasPrimary": true,
        "filingPeriodsEnd": "2024-03-01",
    });
    assert_eq!(post(&app, "/v1/campaigns", None, race).await.status, 201);
    let won = post(&app, "/v1/elected-office", None, json!({"electedDate": "2024-11-05"})).await;
    assert_eq!(won.status, 201);
    let office = won.json();
    let path = format!("/v1/organizations/{}", office["organizationId"].as_str().unwrap());
    let client = app.user(7);
    let district = json!({"district": {"type": "County", "name": "LENAWEE"}});
    let changed = client.send(client.request(Method::PATCH, &path).json(&district)).await;
    assert_eq!(changed.status, 200);
    (app, office)
}

#[actix_web::test]
async fn a_re_election_takes_over_position_and_district_and_nothing_of_the_old_race() {
    let (app, office) = mayor().await;
    let before = app.database.row("SELECT * FROM elected_office");
    let started = run_again(&app, None, &office).await;
    assert_eq!(started.status, 201);
    let started = started.json();
    let details = json!({
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
        "ballotLevel": "CITY", "electionDate": "2028-11-07", "zip": "49286",
    });
    assert_eq!(started["details"], details);
    let organization = &started["organization"];
    assert_eq!(organization["position"]["id"], MAYOR);
    let district = &organization["district"];
    assert_eq!(
        json!([district["type"], district["name"], district["manuallySet"]]),
        json!(["County", "LENAWEE", true])
    );
    assert_eq!((&started["isPro"], &started["didWin"]), (&json!(false), &Value::Null));
    assert_eq!(app.database.row("SELECT * FROM elected_office"), before);
    let organizations = app.user(7).get("/v1/organizations").await.json();
    let of_position = organizations["organizations"].as_array().unwrap().iter();
    let of_position = of_position.filter(|item| item["position"]["id"] == MAYOR).count();
    assert_eq!(of_position, 3, "the first campaign, the office, the new campaign");
}

#[actix_web::test]
async fn without_a_known_election_the_campaign_has_no_date_and_is_not_past() {
    let nothing = Fault::Text { status: 200, body: "[]".to_owned() };
    for fault in [Fault::Down, nothing] {
        let (app, office) = mayor().await;
        app.election.fail_always(Call::PositionsSearch, fault);
        let started = run_again(&app, None, &office).await.json();
        assert_eq!(started["details"].get("electionDate"), None);
        assert_eq!(started["organization"]["status"], "active");
    }
}

#[actix_web::test]
async fn a_typed_in_office_is_copied() {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    let clerk = json!({"office": "Town Clerk", "state": "MI", "zip": "49286", "city": "Tecumseh"});
    let body = json!({"electedDate": "2024-11-05", "customOffice": clerk});
    let office = post(&app, "/v1/elected-office", None, body).await.json();
    let started = run_again(&app, None, &office).await.json();
    let position = &started["organization"]["position"];
    assert_eq!(
        json!([position["isCustom"], position["office"], position["city"], position["zip"]]),
        json!([true, "Town Clerk", "Tecumseh", "49286"])
    );
    assert_eq!(app.election.count(Call::PositionsSearch), 0, "nobody knows its elections");
    assert_eq!(app.database.rows("SELECT FROM ballot_position").len(), 2);
}

#[actix_web::test]
async fn one_key_makes_one_campaign_and_another_request_cannot_have_it() {
    let (app, office) = mayor().await;
    let first = run_again(&app, Some("again"), &office).await.json();
    assert_eq!(run_again(&app, Some("again"), &office).await.json()["id"], first["id"]);
    let other = json!({"positionId": MAYOR});
    assert_eq!(post(&app, "/v1/campaigns", Some("again"), other).await.status, 422);
    assert_ne!(run_again(&app, None, &office).await.json()["id"], first["id"]);
}

#[actix_web::test]
async fn an_office_of_somebody_else_or_none_is_not_found() {
    let (app, office) = mayor().await;
    fixtures::user(&app.database, 8, "candidate");
    let client = app.user(8);
    let body = json!({"fromElectedOffice": office["id"]});
    let foreign = client.send(client.request(Method::POST, "/v1/campaigns").json(&body)).await;
    assert_eq!((foreign.status.as_u16(), &foreign.json()["code"]), (404, &json!("not-found")));
    for id in ["none", ""] {
        let response = run_again(&app, None, &json!({"id": id})).await;
        assert_eq!(response.status, 404, "{id:?}");
    }
    let nul = run_again(&app, None, &json!({"id": "\0"})).await;
    assert_eq!(nul.status, 400);
    let both = json!({"fromElectedOffice": office["id"], "positionId": MAYOR});
    assert_eq!(post(&app, "/v1/campaigns", None, both).await.status, 400);
    assert_eq!(app.database.rows("SELECT FROM campaign").len(), 1);
}

#[actix_web::test]
async fn before_phase_3_a_re_election_waits() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two] {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({"positionId": MAYOR}), None);
        let won = json!({"electedDate": "2024-11-05"});
        let office = post(&app, "/v1/elected-office", None, won).await.json();
        let response = run_again(&app, None, &office).await;
        let answer = response.json();
        assert_eq!((response.status.as_u16(), &answer["code"]), (503, &json!("not-migrated")));
    }
}

async fn eligibility(app: &TestApp) -> Value {
    app.user(7).get("/v1/eligibility").await.json()
}

#[actix_web::test]
async fn eligibility_says_what_may_be_started_and_starting_it_succeeds() {
    let (app, office) = mayor().await;
    let may = eligibility(&app).await;
    let campaign = &may["wins"][0];
    assert_eq!(
        may,
        json!({
            "campaign": {"allowed": true, "reason": null},
            "electedOffice": {"allowed": true, "reason": null},
            "reElections": [{
                "electedOfficeId": office["id"], "organizationId": office["organizationId"],
                "positionName": "Tecumseh City Mayor", "allowed": true, "reason": null,
            }],
            "wins": [{
                "campaignId": campaign["campaignId"], "organizationId": campaign["organizationId"],
                "positionName": "Tecumseh City Mayor", "allowed": false, "reason": "already-won",
            }],
        })
    );
    assert_eq!(run_again(&app, None, &office).await.status, 201);
    let wins = eligibility(&app).await["wins"].clone();
    let allowed: Vec<&Value> = wins.as_array().unwrap().iter().map(|win| &win["allowed"]).collect();
    assert_eq!(allowed, [&json!(true), &json!(false)], "the new campaign, then the past one");
}

#[actix_web::test]
async fn an_office_without_a_position_cannot_be_run_for_again() {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    let won = json!({"electedDate": "2024-11-05"});
    let office = post(&app, "/v1/elected-office", None, won).await.json();
    let may = &eligibility(&app).await["reElections"][0];
    assert_eq!((&may["allowed"], &may["reason"]), (&json!(false), &json!("no-position")));
    let response = run_again(&app, None, &office).await;
    assert_eq!((response.status.as_u16(), &response.json()["code"]), (409, &json!("conflict")));
}

#[actix_web::test]
async fn before_phase_3_only_the_first_campaign_may_be_started() {
    for (phase, has_campaign, reason) in [
        (Phase::One, false, Value::Null),
        (Phase::One, true, json!("not-migrated")),
        (Phase::Two, false, Value::Null),
        (Phase::Two, true, json!("not-migrated")),
    ] {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        if has_campaign {
            fixtures::campaign(&app.database, 11, 7, &json!({"positionId": MAYOR}), None);
        }
        let may = eligibility(&app).await;
        assert_eq!(may["campaign"]["reason"], reason);
        assert_eq!(may["electedOffice"]["reason"], "not-migrated");
        let started = post(&app, "/v1/campaigns", None, json!({"positionId": MAYOR})).await;
        assert_eq!(may["campaign"]["allowed"], started.status == 201);
    }
    let legacy = TestApp::new(Phase::Legacy).await;
    fixtures::user(&legacy.database, 7, "candidate");
    let response = legacy.user(7).get("/v1/eligibility").await;
    assert_eq!((response.status.as_u16(), &response.json()["code"]), (503, &json!("not-migrated")));
}
