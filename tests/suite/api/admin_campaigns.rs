//! `POST/PUT/DELETE /v1/admin/campaigns[/:id]` (legacy contract §3.6).

use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures;

async fn send(
    app: &TestApp,
    user: i32,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Response {
    let client = app.user(user);
    let request = client.request(method, path);
    client
        .send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
}

async fn create(app: &TestApp, user: i32, body: Value) -> Response {
    send(app, user, Method::POST, "/v1/admin/campaigns", Some(body)).await
}

async fn change(app: &TestApp, user: i32, id: &str, body: Value) -> Response {
    send(app, user, Method::PUT, &format!("/v1/admin/campaigns/{id}"), Some(body)).await
}

async fn delete(app: &TestApp, user: i32, id: &str) -> Response {
    send(app, user, Method::DELETE, &format!("/v1/admin/campaigns/{id}"), None).await
}

fn staff(app: &TestApp) {
    fixtures::user(&app.database, 20, "admin");
    fixtures::user(&app.database, 21, "sales");
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({"zip": "1"}), Some(&json!({"winNumber": 4})));
}

fn person() -> Value {
    json!({
        "firstName": "Jo", "lastName": "Doe", "phone": "5555555555", "email": "jo@example.org",
        "zip": "49286", "party": "Independent", "adminUserEmail": "admin@example.org",
    })
}

contract! {
    async fn staff_start_a_launched_campaign_for_a_new_user(app) {
        staff(&app);
        let mut body = person();
        body["otherParty"] = json!("Forward");
        let response = create(&app, 21, body).await;
        assert_eq!(response.status, 201);
        let answer = response.json();
        assert_eq!((&answer["slug"], &answer["isActive"]), (&json!("jo-doe"), &json!(true)));
        assert_eq!(answer["details"], json!({"zip": "49286", "knowRun": "yes", "pledged": true}));
        assert_eq!(answer["data"], json!({
            "slug": "jo-doe", "currentStep": "onboarding-complete", "party": "Independent",
            "otherParty": "Forward", "createdBy": "admin", "adminUserEmail": "admin@example.org",
        }));
        assert_eq!(answer.get("pathToVictory"), None);
        let id = i32::try_from(answer["id"].as_i64().unwrap()).unwrap();
        assert_eq!(answer["organizationId"], app.organization_of(id));
        let user = app.database.row(&format!(r#"SELECT * FROM "user" WHERE id = {}"#, answer["userId"]));
        assert_eq!((&user["name"], &user["email"]), (&json!("Jo Doe"), &json!("jo@example.org")));
        assert_eq!((&user["roles"], &user["has_password"]), (&json!(["candidate"]), &json!(false)));
    }

    async fn an_address_that_somebody_has_is_a_conflict_and_nothing_is_left_of_the_attempt(app) {
        staff(&app);
        let mut body = person();
        for email in ["user7@example.org", "User7@Example.ORG"] {
            body["email"] = json!(email);
            let refused = create(&app, 20, body.clone()).await;
            refused.assert_error(409, "Conflict", "conflict", "Duplicate field: email");
        }
        assert_eq!(app.database.row("SELECT count(*) FROM campaign")["count"], 1);
    }

    async fn each_broken_rule_is_named_by_code_and_path(app) {
        staff(&app);
        let body = json!({"firstName": "J", "phone": "12", "email": "x", "zip": "1", "more": 1});
        create(&app, 20, body).await.assert_invalid(&json!([
            ["too_small", ["firstName"]], ["invalid_type", ["lastName"]], ["custom", ["phone"]],
            ["invalid_string", ["email"]], ["custom", ["zip"]], ["invalid_type", ["party"]],
            ["invalid_type", ["adminUserEmail"]], ["unrecognized_keys", []],
        ]));
        change(&app, 20, "11", json!({"isPro": null, "tier": "BIG", "slug": "x"})).await.assert_invalid(&json!([
            ["invalid_enum_value", ["tier"]], ["invalid_type", ["isPro"]], ["unrecognized_keys", []],
        ]));
    }

    async fn staff_change_a_campaigns_standing(app) {
        staff(&app);
        let body = json!({"isVerified": true, "tier": "WIN", "isPro": true, "didWin": true});
        let answer = change(&app, 21, "11", body).await.json();
        assert_eq!((&answer["isVerified"], &answer["dateVerified"]), (&json!(true), &json!("2026-02-25T12:34:56.789Z")));
        assert_eq!((&answer["tier"], &answer["isPro"], &answer["didWin"]), (&json!("WIN"), &json!(true), &json!(true)));
        assert_eq!((&answer["details"], answer.get("pathToVictory")), (&json!({"zip": "1"}), None));
        let cleared = json!({"isVerified": null, "tier": null, "didWin": null});
        let answer = change(&app, 20, "11", cleared).await.json();
        assert_eq!(
            json!([answer["isVerified"], answer["dateVerified"], answer["tier"], answer["didWin"], answer["isPro"]]),
            json!([null, null, null, null, true])
        );
        assert_eq!(change(&app, 20, "11", json!({})).await.json(), answer);
    }

    async fn only_staff_come_this_far_and_only_admins_delete(app) {
        staff(&app);
        let refused = |response: Response| {
            response.assert_error(403, "Forbidden", "forbidden", "Forbidden resource");
        };
        refused(create(&app, 7, json!({})).await);
        refused(change(&app, 7, "x", json!({})).await);
        refused(delete(&app, 7, "11").await);
        refused(delete(&app, 21, "11").await);
    }

    async fn an_id_that_no_campaign_has_is_not_found_and_a_text_is_none(app) {
        staff(&app);
        for id in ["12", "-3", "99999999999"] {
            change(&app, 20, id, json!({"isPro": true})).await.assert_error(404, "Not Found", "not-found", "Record not found");
            delete(&app, 20, id).await.assert_error(404, "Not Found", "not-found", "Record not found");
        }
        let message = "Validation failed (numeric string is expected)";
        delete(&app, 20, "x").await.assert_error(400, "Bad Request", "invalid-request", message);
    }

    async fn a_deleted_campaign_leaves_nothing_of_its_own(app) {
        staff(&app);
        let response = delete(&app, 20, "11").await;
        assert_eq!((response.status.as_u16(), response.body.len()), (204, 0));
        for table in ["campaign", "path_to_victory"] {
            assert!(app.database.rows(&format!("SELECT * FROM {table}")).is_empty());
        }
        if app.database.phase().has_tables() {
            for table in ["organization", "ballot_position"] {
                assert!(app.database.rows(&format!("SELECT * FROM {table}")).is_empty());
            }
        }
    }

    async fn a_campaign_that_an_office_was_won_with_stays_as_long_as_the_old_service_needs_it(app) {
        staff(&app);
        let office = send(&app, 7, Method::POST, "/v1/elected-office", Some(won())).await.json();
        let deleted = delete(&app, 20, "11").await;
        if app.database.phase().is_free_of_the_old_service() {
            assert_eq!(deleted.status, 204);
        } else {
            deleted.assert_error(
                400,
                "Bad Request",
                "invalid-request",
                "The campaign cannot be deleted: an elected office was won with it",
            );
        }
        let current = app.user(7).get("/v1/elected-office/current").await.json();
        assert_eq!(current, office);
    }
}

fn won() -> Value {
    json!({"electedDate": "2024-11-05"})
}

#[actix_web::test]
async fn from_phase_3_on_an_office_outlives_the_campaign_that_it_was_won_with() {
    let app = TestApp::new(Phase::Three).await;
    staff(&app);
    let office = send(&app, 7, Method::POST, "/v1/elected-office", Some(won())).await.json();
    assert_eq!(delete(&app, 20, "11").await.status, 204);
    let current = app.user(7).get("/v1/elected-office/current").await.json();
    assert_eq!(current, office);
}
