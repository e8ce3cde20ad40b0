//! When an office is held: its status, and which terms exclude each other (design §12, `offices::terms`).

use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures::{self, COUNCIL, MAYOR};

/// A user who may hold offices without a campaign. It is 2026-02-25.
async fn app() -> TestApp {
    let app = TestApp::new(Phase::Three).await;
    fixtures::user(&app.database, 7, "candidate");
    app
}

async fn take(
    app: &TestApp,
    position: &str,
    first_day: Option<&str>,
    end: Option<&str>,
) -> Response {
    let mut body = json!({"electedDate": "2020-11-03", "positionId": position});
    for (key, day) in [("termStartDate", first_day), ("termEndDate", end)] {
        if let Some(day) = day {
            body[key] = day.into();
        }
    }
    let client = app.user(7);
    client.send(client.request(Method::POST, "/v1/elected-office").json(&body)).await
}

async fn change(app: &TestApp, office: &Value, body: Value) -> Response {
    let client = app.user(7);
    let path = format!("/v1/elected-office/{}", office["id"].as_str().unwrap());
    client.send(client.request(Method::PUT, &path).json(&body)).await
}

async fn statuses(app: &TestApp) -> Vec<Value> {
    let mine = app.user(7).get("/v1/elected-office/mine").await.json();
    let offices = mine["electedOffices"].as_array().unwrap().clone();
    offices.iter().map(|office| office["status"].clone()).collect()
}

fn assert_overlap(response: &Response) {
    let answer = response.json();
    assert_eq!((response.status.as_u16(), &answer["code"]), (409, &json!("terms-overlap")));
}

#[actix_web::test]
async fn mine_lists_past_and_upcoming_offices_too() {
    let app = app().await;
    take(&app, MAYOR, Some("2021-01-01"), Some("2025-01-01")).await;
    let held = take(&app, MAYOR, Some("2025-01-01"), Some("2029-01-01")).await.json();
    take(&app, MAYOR, Some("2029-01-01"), None).await;
    take(&app, COUNCIL, None, None).await;
    assert_eq!(statuses(&app).await, ["past", "active", "upcoming", "active"]);
    let mine = app.user(7).get("/v1/elected-office/mine").await.json();
    let mut shown = mine["electedOffices"][1].clone();
    assert_eq!(shown["status"].take(), "active");
    assert_eq!(shown["isActive"].take(), true);
    let mut expected = held.clone();
    (expected["status"], expected["isActive"]) = (Value::Null, Value::Null);
    assert_eq!(shown, expected);
    assert_eq!(change(&app, &held, json!({"isActive": false})).await.status, 200);
    assert_eq!(statuses(&app).await, ["past", "past", "upcoming", "active"]);
}

#[actix_web::test]
async fn a_user_without_offices_has_an_empty_list_in_every_phase() {
    for phase in [Phase::Legacy, Phase::One, Phase::Two, Phase::Three] {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        let mine = app.user(7).get("/v1/elected-office/mine").await;
        assert_eq!((mine.status.as_u16(), mine.json()), (200, json!({"electedOffices": []})));
    }
}

#[actix_web::test]
async fn two_terms_in_one_office_do_not_overlap_and_in_two_offices_they_may() {
    let app = app().await;
    take(&app, MAYOR, Some("2025-01-01"), Some("2029-01-01")).await;
    for (first_day, end) in [
        (Some("2028-12-31"), None),
        (Some("2024-01-01"), Some("2025-01-02")),
        (None, None),
        (Some("2026-01-01"), Some("2027-01-01")),
    ] {
        assert_overlap(&take(&app, MAYOR, first_day, end).await);
    }
    assert_eq!(take(&app, MAYOR, Some("2021-01-01"), Some("2025-01-01")).await.status, 201);
    assert_eq!(take(&app, MAYOR, Some("2029-01-01"), None).await.status, 201);
    assert_eq!(take(&app, COUNCIL, Some("2025-01-01"), None).await.status, 201);
}

#[actix_web::test]
async fn a_change_is_refused_if_the_bounds_that_result_overlap() {
    let app = app().await;
    take(&app, MAYOR, Some("2021-01-01"), Some("2025-01-01")).await;
    let held = take(&app, MAYOR, Some("2025-01-01"), None).await.json();
    let refused = change(&app, &held, json!({"termStartDate": "2024-12-31"})).await;
    assert_overlap(&refused);
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("from 2021-01-01 to 2025-01-01"), "{message}");
    let stored = app.user(7).get("/v1/elected-office/mine").await.json();
    assert_eq!(stored["electedOffices"][1]["termStartDate"], "2025-01-01");
    let both = json!({"termStartDate": "2018-01-01", "termEndDate": "2021-01-01"});
    assert_eq!(change(&app, &held, both).await.status, 200);
    let left = json!({"isActive": false, "termEndDate": null});
    assert_eq!(change(&app, &held, left).await.status, 200, "who left excludes nobody");
    assert_overlap(&change(&app, &held, json!({"isActive": true})).await);
}

#[actix_web::test]
async fn terms_that_overlap_from_before_may_be_changed() {
    let app = app().await;
    let first = take(&app, MAYOR, Some("2025-01-01"), Some("2029-01-01")).await.json();
    take(&app, COUNCIL, Some("2027-01-01"), None).await;
    app.database.execute_unmapped(&format!("UPDATE elected_office SET position_id = '{MAYOR}'"));
    assert_eq!(change(&app, &first, json!({"swornInDate": "2025-01-06"})).await.status, 200);
    assert_eq!(change(&app, &first, json!({"termEndDate": "2027-01-01"})).await.status, 200);
    assert_overlap(&change(&app, &first, json!({"termEndDate": "2029-01-01"})).await);
}

#[actix_web::test]
async fn of_parallel_requests_for_overlapping_terms_one_succeeds() {
    let app = app().await;
    let requests: Vec<_> = (0..8)
        .map(|_| {
            let client = app.user(7);
            actix_web::rt::spawn(async move {
                let body = json!({"electedDate": "2024-11-05", "positionId": MAYOR});
                client.send(client.request(Method::POST, "/v1/elected-office").json(&body)).await
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for request in requests {
        statuses.push(request.await.unwrap().status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}
