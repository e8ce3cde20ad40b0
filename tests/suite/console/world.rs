//! People and organizations that tests of the console start with.

use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::{Phase, TestApp};

use crate::fixtures;

/// A candidate without organizations.
pub(crate) const CANDIDATE: i32 = 7;
/// Somebody else.
pub(crate) const OTHER: i32 = 8;
/// An admin.
pub(crate) const ADMIN: i32 = 9;

/// A server with three users.
pub(crate) async fn app() -> TestApp {
    app_in(Phase::Three).await
}

/// A server in a phase, with three users.
pub(crate) async fn app_in(phase: Phase) -> TestApp {
    let app = TestApp::new(phase).await;
    users(&app);
    app
}

/// Adds the three users.
pub(crate) fn users(app: &TestApp) {
    fixtures::user(&app.database, CANDIDATE, "candidate");
    fixtures::user(&app.database, OTHER, "candidate");
    fixtures::user(&app.database, ADMIN, "admin");
}

/// Starts a campaign; returns its organization.
pub(crate) async fn campaign(app: &TestApp, user: i32, body: Value) -> String {
    let client = app.user(user);
    let started = client.send(client.request(Method::POST, "/v1/campaigns").json(&body)).await;
    assert_eq!(started.status, 201);
    started.json()["organizationId"].as_str().unwrap().to_owned()
}

/// Wins with a campaign; returns the office's organization.
pub(crate) async fn office(app: &TestApp, user: i32, campaign: &str, dates: Value) -> String {
    let client = app.user(user).naming(campaign);
    let won = client.send(client.request(Method::POST, "/v1/elected-office").json(&dates)).await;
    assert!(won.status == 200 || won.status == 201, "{:?}", won.status);
    won.json()["organizationId"].as_str().unwrap().to_owned()
}

/// Adds campaigns for typed-in offices, named `Office 1` and so on.
pub(crate) async fn campaigns(app: &TestApp, user: i32, number: usize) -> Vec<String> {
    let mut organizations = Vec::new();
    for index in 1..=number {
        let office = json!({"customOffice": {"office": format!("Office {index}"), "state": "MI"}});
        organizations.push(campaign(app, user, office).await);
    }
    organizations
}
