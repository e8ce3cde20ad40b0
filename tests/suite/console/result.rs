//! "I won my race", and what comes along to the office.

use serde_json::{Value, json};
use winserve_testkit::{Phase, TestApp};

use super::{
    Visitor,
    world::{CANDIDATE, OTHER, app, app_in, campaign, office},
};
use crate::fixtures::MAYOR;

const FILTER: &str = "/v1/voters/voter-file/filter";

/// A candidate for a term of four years, their page of results, and their organization.
async fn candidate() -> (TestApp, Visitor, String, String) {
    let app = app().await;
    let run =
        json!({"positionId": MAYOR, "electionDate": "2026-11-03", "officeTermLength": "4 years"});
    let run = campaign(&app, CANDIDATE, run).await;
    let visitor = Visitor::user(&app, CANDIDATE);
    (app, visitor, format!("/app/o/{run}/result"), run)
}

fn offices(app: &TestApp) -> Vec<Value> {
    app.database.rows(
        "SELECT organization_id, term_start_date::text, term_end_date::text FROM elected_office",
    )
}

fn recorded(app: &TestApp) -> Value {
    app.database.row("SELECT details -> 'wonGeneral' AS won FROM campaign")["won"].clone()
}

#[actix_web::test]
async fn what_will_happen_is_said_and_the_usual_term_is_entered() {
    let (app, visitor, page, _) = candidate().await;
    visitor.get(&page).await.assert_shows(&[
        "How did the race for Tecumseh City Mayor end?",
        "same district: TECUMSEH CITY (City)",
        "without Pro",
        "name=\"term_start\"",
        "value=\"2027-01-01\"",
        "name=\"term_end\"",
        "value=\"2031-01-01\"",
        "I won my race",
        "I lost my race",
    ]);
    assert!(offices(&app).is_empty());
}

#[actix_web::test]
async fn a_winner_gets_one_office_however_often_the_form_is_sent() {
    let (app, visitor, page, run) = candidate().await;
    let won = [("result", "won"), ("term_start", "2027-01-04"), ("term_end", "")];
    let first = visitor.submit(&page, &won).await;
    assert_eq!(first.status, 303);
    let held = offices(&app);
    assert_eq!(held.len(), 1);
    assert_eq!(
        (&held[0]["term_start_date"], &held[0]["term_end_date"]),
        (&json!("2027-01-04"), &Value::Null)
    );
    let organization = held[0]["organization_id"].as_str().unwrap();
    assert_eq!(first.location(), format!("/app/o/{organization}/welcome?from={run}"));
    assert_eq!(visitor.submit(&page, &won).await.location(), first.location());
    assert_eq!((offices(&app).len(), recorded(&app)), (1, json!(true)));
    visitor.get(&page).await.assert_shows(&["You won this race", organization]);
    let lost = visitor.submit(&page, &[("result", "lost")]).await;
    assert_eq!(
        (lost.status.as_u16(), recorded(&app)),
        (303, json!(true)),
        "an office is not taken back"
    );
}

#[actix_web::test]
async fn a_result_is_recorded_before_phase_3_too() {
    for phase in [Phase::One, Phase::Two] {
        let app = app_in(phase).await;
        let run = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
        let visitor = Visitor::user(&app, CANDIDATE);
        let page = format!("/app/o/{run}/result");
        assert_eq!(visitor.submit(&page, &[("result", "lost")]).await.status, 303);
        assert_eq!((recorded(&app), offices(&app).len()), (json!(false), 0));
        let won = visitor.submit(&page, &[("result", "won")]).await;
        assert_eq!((recorded(&app), offices(&app).len()), (json!(true), 1));
        visitor.get(won.location()).await.assert_shows(&["Your office is open", "TECUMSEH CITY"]);
    }
}

#[actix_web::test]
async fn a_loser_keeps_the_campaign_and_may_correct_the_result() {
    let (app, visitor, page, _) = candidate().await;
    let lost = visitor.submit(&page, &[("result", "lost")]).await;
    assert_eq!((lost.status.as_u16(), lost.location()), (303, page.as_str()));
    assert_eq!((recorded(&app), offices(&app).len()), (json!(false), 0));
    visitor.get(&page).await.assert_shows(&["You lost this race", "I won my race"]);
    assert_eq!(visitor.submit(&page, &[("result", "won")]).await.status, 303);
    assert_eq!((recorded(&app), offices(&app).len()), (json!(true), 1));
}

#[actix_web::test]
async fn wrong_dates_are_named_beside_their_field_and_nothing_is_stored() {
    let (app, visitor, page, _) = candidate().await;
    let send = async |start: &str, end: &str| {
        let fields = [("result", "won"), ("term_start", start), ("term_end", end)];
        visitor.submit(&page, &fields).await
    };
    let refused = send("2027-01-04", "2026-01-04").await;
    assert_eq!(refused.status, 400);
    refused.assert_shows(&[
        "value=\"2027-01-04\"",
        "The term must end after it starts",
        "value=\"2026-01-04\"",
    ]);
    let refused = send("soon", "").await;
    refused.assert_shows(&["Enter a day as year, month and day", "value=\"soon\""]);
    assert!(offices(&app).is_empty());
    // The same office is held already.
    let earlier = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let term = json!({"electedDate": "2024-11-05", "termStartDate": "2025-01-01"});
    office(&app, CANDIDATE, &earlier, term).await;
    let refused = send("2027-01-04", "2031-01-01").await;
    assert_eq!(refused.status, 409);
    refused.assert_shows(&["You already hold this office during a part of that term"]);
}

#[actix_web::test]
async fn an_office_has_no_page_of_results() {
    let (app, visitor, _, run) = candidate().await;
    let held = office(&app, CANDIDATE, &run, json!({"electedDate": "2026-11-03"})).await;
    assert_eq!(visitor.get(&format!("/app/o/{held}/result")).await.status, 404);
}

#[actix_web::test]
async fn lists_of_the_campaign_are_copied_without_political_party() {
    let (app, visitor, _, run) = candidate().await;
    app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
    let client = app.user(CANDIDATE).naming(run.as_str());
    let women = json!({"name": "Women", "genderFemale": true});
    let women = client.post(FILTER, women).await.json()["id"].to_string();
    let party = json!({"name": "Base", "partyDemocrat": true, "genderMale": true});
    let party = client.post(FILTER, party).await.json()["id"].to_string();
    let held = office(&app, CANDIDATE, &run, json!({"electedDate": "2026-11-03"})).await;
    let page = format!("/app/o/{held}/welcome?from={run}");
    let shown = visitor.get(&page).await;
    shown.assert_shows(&[
        "Your office is open",
        "What came along",
        "Tecumseh City Mayor",
        "TECUMSEH CITY (City)",
    ]);
    shown.assert_shows(&["Base (copied without political party)", "Women"]);
    let main = shown.html.split_once("<main").unwrap().1.to_lowercase();
    for word in ["voter", "election", "candidate", "ballot"] {
        assert!(!main.contains(word), "{word} in {main}");
    }
    let address = format!("/app/o/{held}/welcome");
    let none = visitor.submit(&address, &[("from", run.as_str())]).await;
    assert_eq!(none.status, 400);
    none.assert_shows(&["Choose at least one list"]);
    let fields = [("from", run.as_str()), ("list", women.as_str()), ("list", party.as_str())];
    let copied = visitor.submit(&address, &fields).await;
    assert_eq!(copied.location(), format!("{page}&copied=2"));
    visitor.get(copied.location()).await.assert_shows(&["2 lists are copied"]);
    let lists =
        app.user(CANDIDATE).naming(held.as_str()).get("/v1/voters/voter-file/filters").await;
    let lists = lists.json();
    assert_eq!(lists.as_array().unwrap().len(), 2);
    assert_eq!((&lists[0]["name"], &lists[0]["genderMale"]), (&json!("Base"), &json!(true)));
}

#[actix_web::test]
async fn lists_of_somebody_else_are_not_copied() {
    let (app, visitor, _, run) = candidate().await;
    let foreign = campaign(&app, OTHER, json!({"positionId": MAYOR})).await;
    let shown = visitor.get(&format!("/app/o/{run}/welcome?from={foreign}")).await;
    assert_eq!(shown.status, 404);
    let fields = [("from", foreign.as_str()), ("list", "1")];
    assert_eq!(visitor.submit(&format!("/app/o/{run}/welcome"), &fields).await.status, 404);
}
