//! People and organizations that tests of the console start with.

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Person, SignInPerson};
use winserve_testkit::{ORIGIN, Phase, TestApp};

use crate::fixtures;

/// A candidate without organizations.
pub(crate) const CANDIDATE: i32 = 7;
/// Somebody else.
pub(crate) const OTHER: i32 = 8;
/// An admin.
pub(crate) const ADMIN: i32 = 9;

/// A server with three users.
pub(crate) async fn app() -> TestApp {
    with_users(TestApp::new(Phase::Three).await)
}

/// A server whose users sign in with Clerk's cookie, as browsers do.
pub(crate) async fn app_with_clerk() -> TestApp {
    let app = with_users(TestApp::with_clerk(Phase::Three).await);
    for id in [CANDIDATE, OTHER, ADMIN] {
        let clerk_id = clerk_id(id);
        app.clerk().add(Person::verified(&clerk_id, &format!("user{id}@example.org")));
        let link = format!(r#"UPDATE "user" SET clerk_id = '{clerk_id}' WHERE id = {id}"#);
        app.database.execute(&link);
    }
    let offered = [(CANDIDATE, "Ann Candidate"), (ADMIN, "Ada Admin")];
    let offered = offered.map(|(id, name)| SignInPerson {
        user_id: clerk_id(id),
        name: name.to_owned(),
        what: "Somebody".to_owned(),
        is_staff: id == ADMIN,
    });
    app.clerk().offer_sign_in(offered.into(), ORIGIN);
    app
}

fn with_users(app: TestApp) -> TestApp {
    fixtures::user(&app.database, CANDIDATE, "candidate");
    fixtures::user(&app.database, OTHER, "candidate");
    fixtures::user(&app.database, ADMIN, "admin");
    app
}

/// Clerk's id of a user.
pub(crate) fn clerk_id(user: i32) -> String {
    format!("user_{user}")
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
    assert!(won.status == 200 || won.status == 201, "{}", won.status);
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
