//! A new campaign: for another office, or for the one that is held.

use serde_json::{Value, json};
use winserve_testkit::{Phase, TestApp};

use super::{
    Visitor,
    world::{CANDIDATE, OTHER, app, campaign, office},
};
use crate::fixtures::{self, COUNCIL, MAYOR};

const PAGE: &str = "/app/new-campaign";

fn campaigns(app: &TestApp) -> Vec<Value> {
    app.database.rows(
        "SELECT organization_id, position_id, l2_district_name AS district, details FROM campaign ORDER BY id",
    )
}

#[actix_web::test]
async fn a_first_campaign_is_previewed_then_started_once() {
    let app = app().await;
    app.election.set_clock(1_772_022_896);
    let visitor = Visitor::user(&app, CANDIDATE);
    let found = visitor.get(&format!("{PAGE}?zip=49286&name=tecumseh%20city%20m")).await;
    found.assert_shows(&[
        "1 office found",
        &format!("{PAGE}/preview?position="),
        "date=2028-11-07",
    ]);
    let preview = visitor.get(&format!("{PAGE}/preview?position={MAYOR}&date=2028-11-07")).await;
    preview.assert_shows(&[
        "Nothing is started yet",
        "Tecumseh City Mayor",
        "TECUMSEH CITY (City)",
        "1,250 voters",
        "name=\"request_key\"",
        "value=\"2028-11-07\"",
    ]);
    assert!(campaigns(&app).is_empty());
    let fields = [("position", MAYOR), ("date", "2028-11-07"), ("request_key", "key-1")];
    let started = visitor.submit(PAGE, &fields).await;
    assert_eq!(started.status, 303);
    let stored = campaigns(&app);
    assert_eq!(stored[0]["details"]["electionDate"], "2028-11-07");
    let organization = stored[0]["organization_id"].as_str().unwrap();
    assert_eq!(started.location(), format!("/app/o/{organization}/welcome"));
    assert_eq!(visitor.submit(PAGE, &fields).await.location(), started.location());
    assert_eq!(campaigns(&app).len(), 1);
    visitor
        .get(started.location())
        .await
        .assert_shows(&["Your campaign is started", "Pro: every campaign has its own"]);
}

#[actix_web::test]
async fn a_key_is_not_used_for_two_campaigns() {
    let app = app().await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let send = async |position: &str| {
        visitor.submit(PAGE, &[("position", position), ("request_key", "key-1")]).await
    };
    assert_eq!(send(MAYOR).await.status, 303);
    assert_eq!(send(COUNCIL).await.status, 422);
    assert_eq!(campaigns(&app).len(), 1);
}

#[actix_web::test]
async fn a_described_office_is_run_for() {
    let app = app().await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let refused = visitor.get(&format!("{PAGE}/preview?office=Clerk&state=")).await;
    assert_eq!(refused.status, 400);
    refused.assert_shows(&["Choose the state of the office", "value=\"Clerk\""]);
    let preview = visitor.get(&format!("{PAGE}/preview?office=Clerk&state=MI&city=Adrian")).await;
    preview.assert_shows(&["Clerk", "None yet", "without a district there are no voters"]);
    let fields = [("office", "Clerk"), ("state", "MI"), ("city", "Adrian"), ("date", "")];
    assert_eq!(visitor.submit(PAGE, &fields).await.status, 303);
    let described = app.database.row("SELECT office, city FROM ballot_position");
    assert_eq!(described, json!({"office": "Clerk", "city": "Adrian"}));
    let unnamed = [("office", " "), ("state", "MI"), ("request_key", "key-2")];
    assert_eq!(visitor.submit(PAGE, &unnamed).await.status, 400);
    assert_eq!(campaigns(&app).len(), 1);
}

#[actix_web::test]
async fn a_re_election_takes_office_and_district_along() {
    let app = app().await;
    let run = campaign(&app, CANDIDATE, json!({"positionId": MAYOR, "raceId": "race"})).await;
    let held = office(&app, CANDIDATE, &run, json!({"electedDate": "2024-11-05"})).await;
    let client = app.user(CANDIDATE);
    let county = json!({"district": {"type": "County", "name": "LENAWEE"}});
    let path = format!("/v1/organizations/{held}");
    client.send(client.request(reqwest::Method::PATCH, &path).json(&county)).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let again = visitor.get(&format!("{PAGE}?from={held}")).await;
    assert_eq!(
        (again.status.as_u16(), again.location()),
        (303, format!("{PAGE}/preview?from={held}").as_str())
    );
    let preview = visitor.get(again.location()).await;
    preview.assert_shows(&[
        "Run for re-election",
        "Tecumseh City Mayor",
        "LENAWEE (County)",
        "Your office stays",
    ]);
    let fields = [("from", held.as_str()), ("date", "2028-11-07"), ("request_key", "key-2")];
    let started = visitor.submit(PAGE, &fields).await;
    let stored = campaigns(&app);
    assert_eq!(
        (stored.len(), &stored[1]["position_id"], &stored[1]["district"]),
        (2, &json!(MAYOR), &json!("LENAWEE"))
    );
    assert_eq!(stored[1]["details"].get("raceId"), None);
    let organization = stored[1]["organization_id"].as_str().unwrap();
    assert_eq!(started.location(), format!("/app/o/{organization}/welcome?from={held}"));
    visitor
        .get(started.location())
        .await
        .assert_shows(&["chosen by hand", "Copy lists of Tecumseh City Mayor"]);
    visitor.get(PAGE).await.assert_shows(&["Run for re-election as Tecumseh City Mayor"]);
}

#[actix_web::test]
async fn a_wrong_date_is_named_and_the_office_of_somebody_else_does_not_exist() {
    let app = app().await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let refused = visitor.submit(PAGE, &[("position", MAYOR), ("date", "soon")]).await;
    assert_eq!(refused.status, 400);
    refused.assert_shows(&["Enter a day as year, month and day", "value=\"soon\""]);
    assert!(campaigns(&app).is_empty());
    let run = campaign(&app, OTHER, json!({"positionId": MAYOR})).await;
    let foreign = office(&app, OTHER, &run, json!({"electedDate": "2024-11-05"})).await;
    assert_eq!(visitor.get(&format!("{PAGE}/preview?from={foreign}")).await.status, 404);
}

#[actix_web::test]
async fn before_phase_3_a_further_campaign_is_refused_in_words() {
    let app = TestApp::new(Phase::Two).await;
    fixtures::user(&app.database, CANDIDATE, "candidate");
    campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    let preview = visitor.get(&format!("{PAGE}/preview?position={COUNCIL}")).await;
    assert_eq!(preview.status, 503);
    preview.assert_shows(&["Not available yet", "Choose again"]);
}
