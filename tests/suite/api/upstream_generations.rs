//! election-api omits members and supplies them later. No user gets an error, and no user has to pick again.

use serde_json::{Value, json};
use winserve_emulators::{Call, Generation};
use winserve_testkit::Phase;
use winserve_testkit::{TestApp, TestDatabase};

use super::asking_again::ask_again;
use crate::fixtures::{self, MAYOR, WITHOUT_DISTRICT};

const MINE: &str = "/v1/campaigns/mine";
const RACE: &str = "/v1/campaigns/mine/race-target-details";
/// Members that may be absent, one at a time and all together.
const OPTIONAL: [&str; 6] = ["state", "name", "level", "district", "isWinIcp", "L2DistrictName"];

/// What the in-product picker sends.
fn pick() -> Value {
    pick_in("WY")
}

fn pick_in(state: &str) -> Value {
    json!({"details": {
        "positionId": MAYOR, "office": "Other", "otherOffice": "The mayor, they say", "state": state,
        "ballotLevel": "LOCAL", "electionDate": "2028-11-07",
    }})
}

async fn app() -> TestApp {
    let app = TestApp::new(Phase::One).await;
    for (user, campaign) in [(7, 11), (8, 12)] {
        fixtures::user(&app.database, user, "candidate");
        fixtures::campaign(&app.database, campaign, user, &json!({}), None);
    }
    app.election.speak(Generation::Later);
    app
}

fn facts(database: &TestDatabase) -> Value {
    database.row(&format!(
        "SELECT office, state, ballot_level, l2_district_name, verified_at IS NOT NULL AS verified
         FROM ballot_position WHERE id = '{MAYOR}'"
    ))
}

fn whole() -> Value {
    json!({
        "office": "Tecumseh City Mayor", "state": "MI", "ballot_level": "CITY",
        "l2_district_name": "TECUMSEH CITY", "verified": true,
    })
}

/// Both users pick while members are absent, the first with wrong data. Then election-api supplies everything.
async fn picked_without(absent: &[&str]) -> TestApp {
    let app = app().await;
    app.election.omit(absent);
    for (user, state) in [(8, "WY"), (7, "MI")] {
        let picked = app.user(user).put(MINE, pick_in(state)).await;
        assert_eq!(picked.status, 200, "{absent:?}: {}", picked.json());
        assert_eq!(app.user(user).get(MINE).await.status, 200, "{absent:?}");
    }
    let listed = app.user(7).get("/v1/organizations").await;
    assert_eq!(listed.status, 200, "{absent:?}");
    assert_eq!(listed.json()["organizations"].as_array().map(Vec::len), Some(1), "{absent:?}");
    let stored = facts(&app.database);
    for (member, column) in [("name", "office"), ("state", "state"), ("level", "ballot_level")] {
        if !absent.contains(&member) {
            assert_eq!(
                stored[column],
                whole()[column],
                "what election-api states applies: {absent:?}"
            );
        }
    }
    app.restarted().await
}

/// No user picks again: open lookups are retried when due.
async fn assert_healed(app: &TestApp, absent: &[&str]) {
    app.database.execute("UPDATE open_look_up SET due_at = now() - interval '1 s'");
    ask_again(app).await;
    assert_eq!(facts(&app.database), whole(), "{absent:?}");
    let user = app.user(7);
    let shown = user.get("/v1/organizations").await.json();
    assert_eq!(shown["organizations"][0]["district"]["name"], "TECUMSEH CITY", "{absent:?}");
    let mine = user.get(MINE).await.json();
    let goals = &mine["pathToVictory"]["data"];
    assert_eq!(goals["electionLocation"], "TECUMSEH CITY", "{absent:?}: {mine}");
    assert_eq!(user.get("/v1/contacts").await.status, 200, "{absent:?}");
    assert!(app.database.rows("SELECT FROM open_look_up").is_empty(), "{absent:?}");
}

#[actix_web::test]
async fn each_absent_member_is_no_error_and_is_completed_later() {
    for absent in OPTIONAL {
        let app = picked_without(&[absent]).await;
        assert_healed(&app, &[absent]).await;
    }
}

#[actix_web::test]
async fn all_members_absent_is_no_error_and_heals_at_another_users_look_up() {
    let app = picked_without(&OPTIONAL).await;
    assert_eq!(app.user(8).put(RACE, json!({})).await.status, 200);
    assert_eq!(facts(&app.database), whole());
    assert_healed(&app, &OPTIONAL).await;
}

#[actix_web::test]
async fn a_position_without_a_district_is_asked_about_once_more_and_then_never() {
    let app = app().await;
    let pick = json!({"details": {"positionId": WITHOUT_DISTRICT, "office": "Other", "otherOffice": "Boss"}});
    assert_eq!(app.user(7).put(MINE, pick.clone()).await.status, 200);
    let due = "SELECT kind, due_at > now() + interval '50 minutes' AND due_at < now() + interval '1 day' AS is_rare
        FROM open_look_up WHERE kind = 'position'";
    assert_eq!(app.database.rows(due), [json!({"kind": "position", "is_rare": true})]);
    ask_again(&app).await;
    assert_eq!(app.election.count(Call::PositionByBallotreadyId), 1, "the lookup is not due");
    app.database.execute("UPDATE open_look_up SET due_at = now() - interval '1 s'");
    ask_again(&app).await;
    assert_eq!(app.election.count(Call::PositionByBallotreadyId), 2);
    ask_again(&app).await;
    assert!(app.database.rows("SELECT FROM open_look_up").is_empty());
    // A later pick has nothing to wait for.
    let app = app.restarted().await;
    assert_eq!(app.user(8).put(MINE, pick).await.status, 200);
    assert!(app.database.rows("SELECT FROM open_look_up").is_empty());
}

#[actix_web::test]
async fn what_is_verified_is_never_changed_by_a_later_answer_nor_by_a_user() {
    let app = app().await;
    assert_eq!(app.user(7).put(MINE, pick()).await.status, 200);
    assert_eq!(facts(&app.database), whole());
    let app = app.restarted().await;
    app.election.omit(&OPTIONAL);
    assert_eq!(app.user(8).put(MINE, pick()).await.status, 200);
    assert_eq!(facts(&app.database), whole());
}

#[actix_web::test]
async fn an_answer_without_a_name_changes_no_more_than_it_states() {
    let app = app().await;
    app.election.omit(&["name"]);
    assert_eq!(app.user(7).put(MINE, pick()).await.status, 200);
    let before = facts(&app.database);
    assert_eq!(before["office"], "The mayor, they say");
    assert_eq!((&before["state"], &before["verified"]), (&json!("MI"), &json!(false)));
    let other = json!({"details": {"positionId": MAYOR, "otherOffice": "King", "office": "Other"}});
    assert_eq!(app.user(8).put(MINE, other).await.status, 200);
    assert_eq!(facts(&app.database), before, "another user's word changes nothing");
}

#[actix_web::test]
async fn an_organization_takes_a_position_of_which_only_the_id_is_stated() {
    let app = app().await;
    assert_eq!(app.user(7).put(MINE, json!({"details": {"zip": "49286"}})).await.status, 200);
    app.election.omit(&OPTIONAL);
    let id = app.organization_of(11);
    let path = format!("/v1/organizations/{}", id.as_str().unwrap());
    let changed =
        app.user(7).request(reqwest::Method::PATCH, &path).json(&json!({"positionId": MAYOR}));
    let changed = app.user(7).send(changed).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    assert_eq!(app.user(7).get("/v1/organizations").await.status, 200);
}
