//! No voters, no statistics, a failing people-api and a slow people-api get four different answers, on each route
//! that counts or shows voters. An outage never looks like a count of 0, or like "too few contacts".

use std::time::Duration;

use serde_json::{Value, json};
use winserve_emulators::{Fault, PeopleCall};
use winserve_testkit::Phase;
use winserve_testkit::{Custom, Response, TestApp, TestDatabase};
use winserve_upstreams::PeopleApiOptions;

use super::contacts;
use crate::fixtures;

const CALLS: [PeopleCall; 3] = [PeopleCall::List, PeopleCall::Statistics, PeopleCall::Download];

/// A paying candidate in a district of Wyoming.
fn candidate(app: &TestApp, kind: &str, name: &str) {
    fixtures::user(&app.database, 7, "candidate");
    let details = json!({"state": "WY", "ballotLevel": "CITY", "office": "Boss"});
    let goals = json!({"electionType": kind, "electionLocation": name});
    fixtures::campaign(&app.database, 11, 7, &details, Some(&goals));
    app.database.execute_unmapped("UPDATE campaign SET is_pro = true");
}

/// Statistics, list, count, file and first poll, in this order.
async fn answers(app: &TestApp) -> [Response; 5] {
    let user = app.user(7);
    let poll = json!({"message": "What matters to you?", "swornInDate": "2026-01-05"});
    [
        user.get("/v1/contacts/stats").await,
        user.get("/v1/contacts").await,
        user.post("/v1/contacts/count", json!({})).await,
        user.get("/v1/contacts/download").await,
        user.post("/v1/polls/initial-poll", poll).await,
    ]
}

/// Status and the count, or the code of the error.
fn status_and_result(answers: &[Response; 5]) -> [Value; 5] {
    let [statistics, list, count, file, poll] = answers;
    let rows = || contacts::rows(&file.body).len() - 1;
    let status_and_result =
        |answer: &Response, counted: &dyn Fn() -> Value| match answer.status.as_u16() {
            200 => json!([200, counted()]),
            status => json!([status, answer.json()["code"]]),
        };
    [
        status_and_result(statistics, &|| statistics.json()["totalConstituents"].clone()),
        status_and_result(list, &|| list.json()["pagination"]["totalResults"].clone()),
        status_and_result(count, &|| count.json()["count"].clone()),
        status_and_result(file, &|| json!(rows())),
        status_and_result(poll, &|| Value::Null),
    ]
}

/// A faulty service, and each route's answer: to the first five calls, and to those after them, for which
/// people-api is no longer called.
async fn assert_outage(app: &TestApp, fault: Fault, expected: Value) {
    candidate(app, "City", "CHEYENNE CITY");
    for call in CALLS {
        app.people.fail_always(call, fault.clone());
    }
    for _ in 0..2 {
        let answers = answers(app).await;
        assert_eq!(status_and_result(&answers), [(); 5].map(|()| expected.clone()));
        assert!(answers.iter().all(|answer| answer.headers.contains_key("retry-after")));
    }
    assert!(app.database.rows("SELECT FROM elected_office").is_empty(), "no poll, no office");
}

contract! {
    async fn a_district_without_voters_is_counted_and_has_too_few_for_a_poll(app) {
        candidate(&app, "State_House_District", "041");
        let expected = [
            json!([200, 0]),
            json!([200, 0]),
            json!([200, 0]),
            json!([200, 0]),
            json!([400, "too-few-contacts"]),
        ];
        assert_eq!(status_and_result(&answers(&app).await), expected);
    }

    async fn a_district_without_statistics_shows_its_voters_and_says_that_there_are_none(app) {
        candidate(&app, "School_District", "LARAMIE COUNTY SCHOOL DIST 1");
        let expected = [
            json!([404, "no-statistics"]),
            json!([200, 2_500]),
            json!([200, 2_500]),
            json!([200, 2_500]),
            json!([404, "no-statistics"]),
        ];
        assert_eq!(status_and_result(&answers(&app).await), expected);
    }

    async fn a_service_that_fails_is_a_bad_gateway(app) {
        let fails = Fault::Status { status: 500, message: "secret".to_owned() };
        assert_outage(&app, fails, json!([502, "upstream-failed"])).await;
    }
}

#[actix_web::test]
async fn a_service_that_is_slow_is_a_gateway_timeout() {
    let soon = Duration::from_millis(150);
    let impatient = PeopleApiOptions {
        budget: soon,
        page_budget: soon,
        idle_timeout: soon,
        ..PeopleApiOptions::DEFAULT
    };
    for database in [
        TestDatabase::new(),
        TestDatabase::legacy_with_tables(),
        TestDatabase::in_phase(Phase::One),
        TestDatabase::in_phase(Phase::Two),
    ] {
        let custom = Custom { people: impatient, ..Custom::default() };
        let app = TestApp::custom_on(database, custom).await;
        assert_outage(&app, Fault::Hang { ms: 60_000 }, json!([504, "upstream-timeout"])).await;
    }
}
