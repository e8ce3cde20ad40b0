//! `GET /v1/elections/districts/names` (legacy contract §3.5).

use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::TestApp;

const NAMES: &str = "/v1/elections/districts/names";

async fn names(app: &TestApp, query: &str) -> Value {
    let response = app.anonymous().get(&format!("{NAMES}?{query}")).await;
    assert_eq!(response.status, 200, "{query}: {}", response.json());
    response.json()
}

in_any_phase! {
    async fn anybody_gets_the_districts_of_a_type(app) {
        let query = "L2DistrictType=City_Ward&state=wy&electionYear=2026";
        assert_eq!(names(&app, query).await, json!([
            {"id": "01935a5c-0000-4000-8000-000000000002", "L2DistrictName": "CHEYENNE CITY WARD 1"},
            {"id": "01935a5c-0000-4000-8000-000000000003", "L2DistrictName": "CHEYENNE CITY WARD 2"},
        ]));
    }

    async fn districts_without_turnout_count_only_when_asked_for(app) {
        let query = "L2DistrictType=City_Ward&state=MI&electionYear=2026";
        assert_eq!(names(&app, query).await, json!([]));
        let all = names(&app, &format!("{query}&excludeInvalid=false")).await;
        assert_eq!(all[0]["L2DistrictName"], "ADRIAN CITY WARD 3");
    }

    async fn an_unknown_type_has_no_districts(app) {
        for kind in ["Realm", "", "B%C3%BCrgerbezirk", "%FF", "..", "a%0Ab"] {
            let query = format!("L2DistrictType={kind}&state=MI&electionYear=2026");
            assert_eq!(names(&app, &query).await, json!([]), "{kind}");
        }
    }

    async fn bad_queries_400(app) {
        for (query, issues) in [
            ("state=MI&electionYear=2026", json!([["invalid_type", ["L2DistrictType"]]])),
            ("L2DistrictType=City&electionYear=2026", json!([["invalid_type", ["state"]]])),
            ("L2DistrictType=City&state=MI", json!([["invalid_type", ["electionYear"]]])),
            ("L2DistrictType=City&state=Michigan&electionYear=2026", json!([["custom", ["state"]]])),
            ("L2DistrictType=%00&state=MI&electionYear=2026", json!([["custom", ["L2DistrictType"]]])),
            (
                "L2DistrictType=City&L2DistrictType=State&state=MI&electionYear=2026",
                json!([["invalid_type", ["L2DistrictType"]]]),
            ),
        ] {
            app.anonymous().get(&format!("{NAMES}?{query}")).await.assert_invalid(&issues);
        }
        assert_eq!(app.election.count(Call::DistrictsNames), 0, "election-api was not asked");
    }

    async fn a_failure_of_election_api_is_reported_without_its_text(app) {
        let fault = Fault::Status { status: 503, message: "out of memory".to_owned() };
        app.election.fail_always(Call::DistrictsNames, fault);
        let query = "L2DistrictType=City&state=MI&electionYear=2026";
        app.anonymous().get(&format!("{NAMES}?{query}")).await.assert_error(
            502,
            "Bad Gateway",
            "upstream-failed",
            "Election API GET districts/names failed",
        );
    }
}
