//! `GET /v1/elections/positions` (design §11).

use serde_json::{Value, json};
use winserve_emulators::{Call, Fault, Generation};
use winserve_testkit::Phase;
use winserve_testkit::TestApp;

use crate::fixtures::{self, MAYOR};

const POSITIONS: &str = "/v1/elections/positions";

async fn app() -> TestApp {
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    app.election.set_clock(1_772_022_896);
    app
}

async fn names(app: &TestApp, query: &str) -> Vec<Value> {
    let response = app.user(7).get(&format!("{POSITIONS}?{query}")).await;
    assert_eq!(response.status, 200, "{query}: {}", response.json());
    response.json().as_array().unwrap().iter().map(|item| item["name"].clone()).collect()
}

#[actix_web::test]
async fn a_user_finds_positions_by_zip_name_and_level_in_either_generation() {
    let app = app().await;
    for generation in [Generation::Earlier, Generation::Later] {
        app.election.speak(generation);
        let query = format!("{POSITIONS}?zip=49286&name=tecumseh%20city%20m&to=2028-12-31");
        let found = app.user(7).get(&query).await.json();
        assert_eq!(
            found,
            json!([{
                "positionId": MAYOR, "name": "Tecumseh City Mayor", "level": "City", "state": "MI",
                "electionDate": "2028-11-07", "city": null, "district": null,
            }])
        );
        let counties = names(&app, "zip=49286&level=county&to=2028-12-31").await;
        assert_eq!(counties, ["Lenawee Conservation District Director", "Lenawee County Sheriff"]);
        assert!(names(&app, "zip=49286").await.is_empty(), "nothing within two years");
        let past = names(&app, "name=tecumseh%20city&from=2024-01-01&to=2024-12-31").await;
        assert_eq!(past, ["Tecumseh City Council", "Tecumseh City Mayor"]);
    }
}

#[actix_web::test]
async fn bad_queries_are_400_and_nobody_is_401() {
    let app = app().await;
    for query in [
        "",
        "zip=",
        "zip=4928",
        "zip=4928x",
        "name=ab",
        "zip=49286&level=CITY",
        "zip=49286&from=x",
        "zip=49286&zip=49286",
        "zip=49286&to=2026-2-1",
    ] {
        let response = app.user(7).get(&format!("{POSITIONS}?{query}")).await;
        assert_eq!(response.status, 400, "{query}: {}", response.json());
    }
    assert_eq!(app.anonymous().get(&format!("{POSITIONS}?zip=49286")).await.status, 401);
    assert_eq!(app.election.count(Call::PositionsSearch), 0);
}

#[actix_web::test]
async fn an_outage_and_a_range_that_was_not_understood_are_502() {
    let app = app().await;
    app.election.speak(Generation::Unknown);
    let past = format!("{POSITIONS}?zip=49286&from=2022-01-01&to=2024-12-31");
    let response = app.user(7).get(&past).await;
    assert_eq!(
        (response.status.as_u16(), &response.json()["code"]),
        (502, &json!("upstream-failed"))
    );
    app.election.fail_always(Call::PositionsSearch, Fault::Down);
    assert_eq!(app.user(7).get(&format!("{POSITIONS}?zip=49286")).await.status, 502);
}
