//! `GET /v1/elections/districts/types` (legacy contract §3.5).

use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::TestApp;

use crate::fixtures;

const TYPES: &str = "/v1/elections/districts/types";

async fn types(app: &TestApp, query: &str) -> Value {
    let response = app.anonymous().get(&format!("{TYPES}?{query}")).await;
    assert_eq!(response.status, 200, "{query}: {}", response.json());
    let items = response.json();
    items.as_array().unwrap().iter().map(|item| item["L2DistrictType"].clone()).collect()
}

in_any_phase! {
    async fn anybody_gets_the_types_of_a_state(app) {
        let response = app.anonymous().get(&format!("{TYPES}?state=nv&electionYear=2026")).await;
        assert_eq!(response.status, 200);
        assert_eq!(
            response.json(),
            json!([{"id": "01935a5c-0000-4000-8000-000000000012", "L2DistrictType": "State_Senate_District"}])
        );
    }

    async fn no_caller_makes_it_use_the_database(app) {
        fixtures::user(&app.database, 7, "candidate");
        let before = app.statements();
        for client in [app.user(7), app.anonymous().authorized("Bearer nonsense")] {
            let response = client.get(&format!("{TYPES}?state=MI&electionYear=2026")).await;
            assert_eq!(response.status, 200);
        }
        assert_eq!(app.statements(), before);
    }

    async fn districts_without_turnout_count_only_when_asked_for(app) {
        let valid = json!(["City", "City_Ward", "County", "State"]);
        let all = json!(["City", "City_Ward", "County", "School_District", "State", "State_House_District"]);
        for (exclude, expected) in [
            ("", &valid), ("&excludeInvalid=true", &valid), ("&excludeInvalid=1", &valid),
            ("&excludeInvalid=false", &all), ("&excludeInvalid=0", &all),
        ] {
            let query = format!("state=WY&electionYear=2026{exclude}");
            assert_eq!(&types(&app, &query).await, expected, "{exclude}");
        }
    }

    async fn the_year_matters_only_with_turnout(app) {
        assert_eq!(types(&app, "state=WY&electionYear=1901").await, json!([]));
        let all = types(&app, "state=WY&electionYear=1901&excludeInvalid=false").await;
        assert_eq!(all.as_array().unwrap().len(), 6);
    }

    async fn a_state_without_districts_has_no_types(app) {
        assert_eq!(types(&app, "state=fd&electionYear=2026").await, json!([]));
    }

    async fn bad_queries_400(app) {
        for (query, issues) in [
            ("", json!([["invalid_type", ["state"]], ["invalid_type", ["electionYear"]]])),
            ("state=MI", json!([["invalid_type", ["electionYear"]]])),
            ("state=XX&electionYear=2026", json!([["custom", ["state"]]])),
            ("state=&electionYear=2026", json!([["custom", ["state"]]])),
            ("state=MI%00&electionYear=2026", json!([["custom", ["state"]]])),
            ("state=%C3%84%FF&electionYear=2026", json!([["custom", ["state"]]])),
            ("state=MI&state=WY&electionYear=2026", json!([["invalid_type", ["state"]]])),
            ("state=MI&electionYear=", json!([["invalid_type", ["electionYear"]]])),
            ("state=MI&electionYear=next", json!([["invalid_type", ["electionYear"]]])),
            ("state=MI&electionYear=2026.5", json!([["invalid_type", ["electionYear"]]])),
            ("state=MI&electionYear=99999999999", json!([["too_big", ["electionYear"]]])),
            ("state=MI&electionYear=2026&excludeInvalid=%00", json!([["custom", ["excludeInvalid"]]])),
        ] {
            app.anonymous().get(&format!("{TYPES}?{query}")).await.assert_invalid(&issues);
        }
        let refused = app.anonymous().get(&format!("{TYPES}?state=XX&electionYear=2026")).await;
        assert_eq!(refused.error()["errors"][0]["message"], "Invalid state code");
        assert_eq!(app.election.count(Call::DistrictsTypes), 0, "election-api was not asked");
    }

    async fn unknown_parameters_are_ignored(app) {
        let query = "state=NV&electionYear=2026&electionCode=General&x=%00&x=1";
        assert_eq!(types(&app, query).await, json!(["State_Senate_District"]));
    }

    async fn a_failure_of_election_api_is_reported_without_its_text(app) {
        for fault in [
            Fault::Down,
            Fault::Garbage,
            Fault::Truncated,
            Fault::Status { status: 500, message: "column L2DistrictType does not exist".to_owned() },
            Fault::Status { status: 400, message: "Invalid state".to_owned() },
        ] {
            app.election.fail_always(Call::DistrictsTypes, fault);
            app.anonymous().get(&format!("{TYPES}?state=MI&electionYear=2026")).await.assert_error(
                502,
                "Bad Gateway",
                "upstream-failed",
                "Election API GET districts/types failed",
            );
            app.election.heal();
        }
    }
}
