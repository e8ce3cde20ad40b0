//! `POST /v1/campaigns` with an office: a campaign in addition to the user's others (design §5).

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures::{self, MAYOR};

async fn post(app: &TestApp, key: Option<&str>, body: Value) -> Response {
    let client = app.user(7);
    let mut request = client.request(Method::POST, "/v1/campaigns").json(&body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    client.send(request).await
}

async fn candidate() -> TestApp {
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    app
}

fn mayor() -> Value {
    json!({
        "positionId": MAYOR, "office": "Other", "otherOffice": "Emperor", "state": "CA",
        "electionDate": "2028-11-07", "raceId": "race", "hasPrimary": false,
    })
}

fn count(app: &TestApp, table: &str) -> Value {
    app.database.row(&format!("SELECT count(*) FROM {table}"))["count"].clone()
}

#[actix_web::test]
async fn a_campaign_for_a_known_office_has_its_facts_district_and_organization() {
    let app = candidate().await;
    let response = post(&app, None, mayor()).await;
    assert_eq!(response.status, 201);
    let answer = response.json();
    let details = json!({
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
        "ballotLevel": "CITY", "electionDate": "2028-11-07", "raceId": "race", "hasPrimary": false,
        "zip": "49286",
    });
    assert_eq!(answer["details"], details);
    assert_eq!(answer["pathToVictory"]["data"]["electionLocation"], "TECUMSEH CITY");
    let organization = &answer["organization"];
    assert_eq!(organization["id"], answer["organizationId"]);
    assert_eq!(organization["type"], "campaign");
    assert_eq!(
        (&organization["name"], &organization["positionName"]),
        (&json!("2028 Campaign"), &json!("Tecumseh City Mayor"))
    );
    assert_eq!(organization["position"]["id"], MAYOR);
    assert_eq!(organization["district"]["name"], "TECUMSEH CITY");
    assert_eq!(organization["campaign"]["id"], answer["id"]);
    assert_eq!(organization["electedOffice"], Value::Null);
    assert_eq!(
        organization["capabilities"],
        json!({
            "contacts": true, "search": false, "download": false, "saveSegments": false,
            "politicalParty": true,
        })
    );
    let mine = app.user(7).get("/v1/campaigns/mine").await.json();
    assert_eq!((&mine["details"], &mine["organizationId"]), (&details, &answer["organizationId"]));
}

#[actix_web::test]
async fn a_campaign_for_a_typed_in_office_has_a_position_of_its_own() {
    let app = candidate().await;
    let office = json!({
        "office": " Dog Catcher ", "state": "mi", "city": "Adrian", "county": "", "district": "2",
        "zip": "49221", "level": "city",
    });
    let answer = post(&app, None, json!({"customOffice": office})).await.json();
    assert_eq!(
        answer["details"],
        json!({
            "positionId": null, "office": "Dog Catcher", "otherOffice": "", "state": "MI",
            "city": "Adrian", "district": "2", "level": "city", "zip": "49286",
        })
    );
    assert_eq!(
        answer["organization"]["position"],
        json!({
            "id": null, "isCustom": true, "office": "Dog Catcher", "ballotLevel": null, "level": "city",
            "state": "MI", "county": null, "city": "Adrian", "district": "2", "zip": "49221",
        })
    );
    assert_eq!(answer["organization"]["name"], "Campaign");
    assert_eq!(answer["pathToVictory"], Value::Null);
}

#[actix_web::test]
async fn from_phase_3_on_a_user_may_run_for_several_offices() {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    let first = post(&app, None, mayor()).await.json();
    let second = post(&app, None, json!({"customOffice": {"office": "Clerk"}})).await.json();
    assert_ne!(first["organizationId"], second["organizationId"]);
    assert_eq!(first["slug"], "ann-user");
    let further = second["slug"].as_str().unwrap();
    assert!(further.starts_with("ann-user-") && further.len() == 17, "{further}");
    for campaign in [first, second] {
        let client = app.user(7).naming(campaign["organizationId"].as_str().unwrap());
        assert_eq!(client.get("/v1/campaigns/mine").await.json()["id"], campaign["id"]);
    }
}

/// The old service knows one campaign per user.
#[actix_web::test]
async fn before_phase_3_only_the_first_campaign_is_started() {
    for phase in [Phase::One, Phase::Two] {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        assert_eq!(post(&app, Some("key"), mayor()).await.status, 201);
        for key in [None, Some("other")] {
            post(&app, key, json!({"customOffice": {"office": "Clerk"}})).await.assert_error(
                503,
                "Service Unavailable",
                "not-migrated",
                "This needs a later phase of the migration",
            );
        }
        assert_eq!(post(&app, Some("key"), mayor()).await.status, 201, "a repeat");
        assert_eq!(count(&app, "campaign"), 1);
    }
}

#[actix_web::test]
async fn a_repeat_with_the_same_key_finds_the_same_campaign() {
    let app = candidate().await;
    let first = post(&app, Some("key-1"), mayor()).await;
    let again = post(&app, Some("key-1"), mayor()).await;
    assert_eq!((again.status.as_u16(), again.json()), (201, first.json()));
    // The order of a body's members and whitespace do not matter.
    let mut members: Vec<_> = mayor().as_object().unwrap().clone().into_iter().collect();
    members.reverse();
    let members: Vec<_> =
        members.iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
    let client = app.user(7);
    let request = client.request(Method::POST, "/v1/campaigns").header("Idempotency-Key", "key-1");
    let request = request.header("Content-Type", "application/json");
    let reordered = client.send(request.body(format!("{{ {} }}", members.join(" , ")))).await;
    assert_eq!(reordered.json(), first.json());
    assert_eq!(count(&app, "campaign"), 1);
    assert_eq!(app.database.row("SELECT request_key FROM organization")["request_key"], "key-1");
}

#[actix_web::test]
async fn twenty_parallel_requests_with_one_key_start_one_campaign() {
    let app = candidate().await;
    let posts: Vec<_> = (0..20)
        .map(|_| {
            let client = app.user(7);
            actix_web::rt::spawn(async move {
                let request = client.request(Method::POST, "/v1/campaigns").json(&mayor());
                client.send(request.header("Idempotency-Key", "key")).await.json()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for post in posts {
        answers.push(post.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!((count(&app, "campaign"), count(&app, "organization")), (json!(1), json!(1)));
}

#[actix_web::test]
async fn a_key_that_was_used_for_something_else_is_refused() {
    let app = candidate().await;
    post(&app, Some("key"), mayor()).await;
    let refused = |response: Response| {
        response.assert_error(
            422,
            "Unprocessable Entity",
            "idempotency-key-reused",
            "The Idempotency-Key was already used for another request",
        );
    };
    refused(post(&app, Some("key"), json!({"customOffice": {"office": "Clerk"}})).await);
    let client = app.user(7);
    let office = json!({"electedDate": "2024-11-05", "positionId": MAYOR});
    let request = client.request(Method::POST, "/v1/elected-office").json(&office);
    refused(client.send(request.header("Idempotency-Key", "key")).await);
    // Each user has their own keys.
    fixtures::user(&app.database, 8, "candidate");
    let client = app.user(8);
    let request = client.request(Method::POST, "/v1/campaigns").json(&mayor());
    assert_eq!(client.send(request.header("Idempotency-Key", "key")).await.status, 201);
}

#[actix_web::test]
async fn a_key_has_1_to_64_characters_and_no_reserved_prefix() {
    let app = candidate().await;
    for key in ["", &"x".repeat(65), "won:0193f6a4-0000-7000-8000-000000000000", "two words"] {
        post(&app, Some(key), mayor()).await.assert_error(
            400,
            "Bad Request",
            "invalid-request",
            "Idempotency-Key must have 1 to 64 visible characters and not start with won:",
        );
    }
    assert_eq!(post(&app, Some(&"x".repeat(64)), mayor()).await.status, 201);
    assert_eq!(count(&app, "campaign"), 1);
}

#[actix_web::test]
async fn without_election_api_the_callers_data_is_used_until_it_answers() {
    let app = candidate().await;
    app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    let answer = post(&app, None, mayor()).await.json();
    assert_eq!(answer["organization"]["positionName"], "Emperor");
    assert_eq!(answer["organization"]["district"], Value::Null);
    app.election.heal();
    fixtures::user(&app.database, 8, "candidate");
    let client = app.user(8);
    let request = client.request(Method::POST, "/v1/campaigns").json(&mayor());
    assert_eq!(
        client.send(request).await.json()["organization"]["positionName"],
        "Tecumseh City Mayor"
    );
}

#[actix_web::test]
async fn each_broken_rule_is_named_by_code_and_path() {
    let app = candidate().await;
    let invalid = |body: Value, issues: Value| {
        let app = &app;
        async move { post(app, None, body).await.assert_invalid(&issues) }
    };
    invalid(
        json!({"positionId": null, "electionDate": 4, "ballotLevel": "x", "extra": 1}),
        json!([
            ["invalid_type", ["positionId"]],
            ["invalid_enum_value", ["ballotLevel"]],
            ["invalid_type", ["electionDate"]],
            ["unrecognized_keys", []],
        ]),
    )
    .await;
    invalid(
        json!({"customOffice": {"state": "XX", "level": "CITY", "more": 1}}),
        json!([
            ["invalid_type", ["customOffice", "office"]],
            ["custom", ["customOffice", "state"]],
            ["invalid_enum_value", ["customOffice", "level"]],
            ["unrecognized_keys", ["customOffice"]],
        ]),
    )
    .await;
    invalid(json!({"positionId": "custom:campaign:11"}), json!([["custom", ["positionId"]]])).await;
    invalid(
        json!({"positionId": MAYOR, "customOffice": {"office": "Clerk"}}),
        json!([["custom", ["customOffice"]]]),
    )
    .await;
    invalid(
        json!({"customOffice": {"office": "  "}}),
        json!([["too_small", ["customOffice", "office"]]]),
    )
    .await;
    post(&app, None, json!({"electionDate": "2028-11-07"})).await.assert_error(
        400,
        "Bad Request",
        "invalid-request",
        "Name one of positionId, customOffice and fromElectedOffice",
    );
    assert_eq!(count(&app, "campaign"), 0);
}

#[actix_web::test]
async fn before_phase_1_no_campaign_is_started_for_an_office() {
    let app = TestApp::new(Phase::Legacy).await;
    fixtures::user(&app.database, 7, "candidate");
    post(&app, None, mayor()).await.assert_error(
        503,
        "Service Unavailable",
        "not-migrated",
        "This needs a later phase of the migration",
    );
    assert_eq!(count(&app, "campaign"), 0);
}

#[actix_web::test]
async fn another_users_word_does_not_get_into_ones_own_campaign() {
    let app = candidate().await;
    app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    post(&app, None, mayor()).await;
    fixtures::user(&app.database, 8, "candidate");
    let client = app.user(8);
    let body = json!({"positionId": MAYOR, "otherOffice": "Tecumseh Mayor", "state": "MI"});
    let answer =
        client.send(client.request(Method::POST, "/v1/campaigns").json(&body)).await.json();
    assert_eq!(
        (&answer["details"]["otherOffice"], &answer["details"]["state"]),
        (&json!("Tecumseh Mayor"), &json!("MI"))
    );
}
