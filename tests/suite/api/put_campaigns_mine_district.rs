//! `PUT /v1/campaigns/mine/district` (legacy contract §3.5), and districts in a generic body, which
//! follow the same rules (design §3, "write paths").

use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::{
    binaries::eventually,
    fixtures::{self, COUNCIL, MAYOR},
};

const PATH: &str = "/v1/campaigns/mine/district";
/// Governor of Michigan, with the district `State` / MI.
const GOVERNOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMTAwMjY=";

/// Runs for Tecumseh City Mayor, with the district `City` / TECUMSEH CITY.
async fn mayor(app: &TestApp) {
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    let details = json!({
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
        "ballotLevel": "CITY", "electionDate": "2028-11-07",
    });
    let picked = app.user(7).put("/v1/campaigns/mine", json!({"details": details})).await;
    assert_eq!(picked.status, 200);
}

fn body(kind: &str, name: &str) -> Value {
    json!({"L2DistrictType": kind, "L2DistrictName": name})
}

fn generic(kind: &str, name: &str) -> Value {
    json!({"pathToVictory": {"electionType": kind, "electionLocation": name}})
}

fn district(response: &Response) -> Value {
    let answer = response.json();
    let goals = &answer["pathToVictory"]["data"];
    json!([goals["electionType"], goals["electionLocation"], goals["districtManuallySet"]])
}

contract! {
    async fn a_district_of_the_state_is_set_with_the_goals_that_follow_from_its_turnout(app) {
        mayor(&app).await;
        let response = app.user(7).put(PATH, body("County", "LENAWEE")).await;
        assert_eq!(response.status, 200);
        assert_eq!(district(&response), json!(["County", "LENAWEE", true]));
        let goals = response.json()["pathToVictory"]["data"].clone();
        assert_eq!(goals, json!({
            "electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true,
            "projectedTurnout": 47_000, "winNumber": 23_501, "voterContactGoal": 117_505,
            "source": "ElectionApi", "p2vStatus": "Complete", "p2vCompleteDate": "2026-02-25",
            "p2vAttempts": 0, "officeContextFingerprint": null,
        }));
    }

    async fn a_name_in_its_raw_form_is_cleaned(app) {
        mayor(&app).await;
        let response = app.user(7).put(PATH, body("City", "MI##ADRIAN CITY##")).await;
        assert_eq!(district(&response), json!(["City", "ADRIAN CITY", true]));
    }

    async fn without_a_turnout_the_goals_are_marked_unknown(app) {
        mayor(&app).await;
        let response = app.user(7).put(PATH, body("City_Ward", "ADRIAN CITY WARD 3")).await;
        let goals = response.json()["pathToVictory"]["data"].clone();
        assert_eq!((&goals["winNumber"], &goals["p2vStatus"]), (&json!(-1), &json!("DistrictMatched")));
        assert_eq!((&goals["projectedTurnout"], &goals["voterContactGoal"]), (&json!(-1), &json!(-1)));
    }

    async fn a_district_that_the_state_does_not_have_is_refused(app) {
        mayor(&app).await;
        for (kind, name) in [("County", "LARAMIE"), ("County", "NOWHERE"), ("Nothing", "LENAWEE")] {
            for (path, body) in [(PATH, body(kind, name)), ("/v1/campaigns/mine", generic(kind, name))] {
                app.user(7).put(path, body).await.assert_error(
                    400,
                    "Bad Request",
                    "unknown-district",
                    "There is no such district in the state of the office",
                );
            }
        }
        let unchanged = app.user(7).get("/v1/campaigns/mine").await;
        assert_eq!(district(&unchanged), json!(["City", "TECUMSEH CITY", false]));
    }

    async fn the_state_is_the_offices_whatever_the_client_sends(app) {
        mayor(&app).await;
        let moved = json!({"details": {"state": "WY"}});
        app.user(7).put("/v1/campaigns/mine", moved).await;
        for (path, body) in
            [(PATH, body("County", "LARAMIE")), ("/v1/campaigns/mine", generic("County", "LARAMIE"))]
        {
            let refused = app.user(7).put(path, body).await;
            assert_eq!(refused.status, 400, "LARAMIE is in WY, the office in MI");
        }
    }

    async fn a_whole_state_needs_permission(app) {
        mayor(&app).await;
        for (path, body) in [(PATH, body("State", "MI")), ("/v1/campaigns/mine", generic("state", "MI"))] {
            app.user(7).put(path, body).await.assert_error(
                403,
                "Forbidden",
                "forbidden",
                "User does not have permission to set a statewide district",
            );
        }
        app.database.execute("UPDATE campaign SET can_download_federal = true");
        let allowed = app.user(7).put(PATH, body("State", "MI")).await;
        assert_eq!(district(&allowed), json!(["State", "MI", true]));
    }

    async fn staff_may_set_a_whole_state_for_the_campaign_they_name(app) {
        mayor(&app).await;
        fixtures::user(&app.database, 21, "sales");
        fixtures::campaign(&app.database, 12, 21, &json!({}), None);
        let mut body = body("State", "MI");
        body["slug"] = json!("slug-11");
        let response = app.user(21).put(PATH, body.clone()).await;
        assert_eq!(response.json()["id"], 11);
        assert_eq!(district(&response), json!(["State", "MI", true]));

        body["slug"] = json!("nobody");
        let unknown = app.user(21).put(PATH, body).await;
        unknown.assert_error(404, "Not Found", "not-found", "Record not found");
    }

    async fn even_staff_need_a_campaign_of_their_own(app) {
        mayor(&app).await;
        fixtures::user(&app.database, 20, "admin");
        let mut body = body("County", "LENAWEE");
        body["slug"] = json!("slug-11");
        let response = app.user(20).put(PATH, body).await;
        response.assert_error(404, "Not Found", "no-organization", "Not Found");
    }

    async fn a_slug_from_anybody_else_is_ignored(app) {
        mayor(&app).await;
        fixtures::user(&app.database, 8, "candidate");
        fixtures::campaign(&app.database, 12, 8, &json!({"state": "MI"}), None);
        let mut body = body("County", "LENAWEE");
        body["slug"] = json!("slug-11");
        let response = app.user(8).put(PATH, body).await;
        assert_eq!(response.json()["id"], 12);
    }

    async fn whatever_fault_election_api_has_the_district_is_stored(app) {
        mayor(&app).await;
        let faults = [
            Fault::Down,
            Fault::Status { status: 500, message: "column \"secret\" does not exist".to_owned() },
            Fault::Garbage,
        ];
        for (number, fault) in faults.into_iter().enumerate() {
            for call in [Call::PositionByBallotreadyId, Call::DistrictsList, Call::ProjectedTurnout] {
                app.election.fail_always(call, fault.clone());
            }
            let name = format!("NOWHERE {number}");
            let response = app.user(7).put(PATH, body("County", &name)).await;
            assert_eq!(response.status, 200);
            assert_eq!(district(&response), json!(["County", name, true]));
            assert!(!response.json().to_string().contains("secret"));
            let again = app.user(7).put("/v1/campaigns/mine", generic("City", &name)).await;
            assert_eq!(district(&again), json!(["City", name, true]));
        }
    }

    async fn a_district_by_hand_is_kept_through_unrelated_edits_and_dropped_with_the_office(app) {
        mayor(&app).await;
        app.user(7).put(PATH, body("County", "LENAWEE")).await;
        let edit = json!({"details": {"occupation": "Teacher"}, "pathToVictory": {"voteGoal": 6}});
        let kept = app.user(7).put("/v1/campaigns/mine", edit).await;
        assert_eq!(district(&kept), json!(["County", "LENAWEE", true]));
        let other = json!({"details": {"positionId": null, "office": "Clerk", "otherOffice": ""}});
        let dropped = app.user(7).put("/v1/campaigns/mine", other).await;
        assert_eq!(district(&dropped), json!([null, null, null]));
    }

    async fn naming_the_current_district_calls_no_upstream(app) {
        mayor(&app).await;
        let asked = app.election.count(Call::DistrictsList);
        let same = app.user(7).put("/v1/campaigns/mine", generic("City", "MI##TECUMSEH CITY##")).await;
        assert_eq!(district(&same), json!(["City", "TECUMSEH CITY", false]));
        assert_eq!(app.election.count(Call::DistrictsList), asked);
    }

    async fn each_broken_rule_is_named_by_code_and_path(app) {
        mayor(&app).await;
        let invalid = app.user(7).put(PATH, json!({"slug": 4, "L2DistrictName": ""})).await;
        invalid.assert_invalid(&json!([
            ["invalid_type", ["slug"]],
            ["invalid_type", ["L2DistrictType"]],
            ["too_small", ["L2DistrictName"]],
        ]));
        let blank = json!({"L2DistrictType": " ", "L2DistrictName": "x".repeat(513)});
        app.user(7).put(PATH, blank).await.assert_invalid(&json!([
            ["too_small", ["L2DistrictType"]], ["too_big", ["L2DistrictName"]],
        ]));
    }

    async fn without_a_campaign_the_body_is_not_looked_at(app) {
        fixtures::user(&app.database, 7, "candidate");
        app.user(7).put(PATH, json!({})).await.assert_error(404, "Not Found", "no-organization", "Not Found");
    }

    async fn a_district_known_by_another_spelling_keeps_the_clients(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({"office": "Senator", "state": "NV"}), None);
        for (state, kind, raw, name) in [
            ("NV", "State_Senate_District", "NV##017", "017"),
            ("FL", "City", "FL##GULFPORT CITY##", "GULFPORT CITY"),
        ] {
            app.user(7).put("/v1/campaigns/mine", json!({"details": {"state": state}})).await;
            let response = app.user(7).put(PATH, body(kind, raw)).await;
            assert_eq!(district(&response), json!([kind, name, true]));
        }
    }

    async fn the_current_district_may_be_set_again_even_if_it_is_unknown(app) {
        fixtures::user(&app.database, 7, "candidate");
        let goals = json!({"electionType": "City", "electionLocation": "OLD TOWN"});
        fixtures::campaign(&app.database, 11, 7, &json!({"office": "Mayor", "state": "MI"}), Some(&goals));
        let response = app.user(7).put(PATH, body("City", "OLD TOWN")).await;
        assert_eq!(district(&response), json!(["City", "OLD TOWN", true]));
    }

    async fn the_whole_state_of_an_office_may_be_set_again_without_permission(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({}), None);
        let details = json!({
            "positionId": GOVERNOR, "office": "Other", "otherOffice": "Governor", "state": "MI",
            "ballotLevel": "STATE", "electionDate": "2028-11-07",
        });
        let picked = app.user(7).put("/v1/campaigns/mine", json!({"details": details})).await;
        assert_eq!(district(&picked), json!(["State", "MI", false]));
        let mut manual = generic("State", "MI");
        manual["pathToVictory"]["districtManuallySet"] = json!(true);
        for (path, body) in [("/v1/campaigns/mine", manual), (PATH, body("State", "MI"))] {
            let response = app.user(7).put(path, body).await;
            assert_eq!(response.status, 200, "{path}");
            assert_eq!(district(&response), json!(["State", "MI", true]));
        }
    }

    async fn without_a_state_there_is_no_district(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({}), None);
        assert_eq!(app.user(7).put(PATH, body("City", "ADRIAN CITY")).await.status, 400);
    }

    async fn an_answer_that_no_longer_fits_is_asked_for_again(app) {
        mayor(&app).await;
        app.election.fail(Call::DistrictsList, Fault::Hang { ms: 700 }, 1);
        let (client, before) = (app.user(7), app.election.count(Call::DistrictsList));
        let slow = actix_web::rt::spawn(async move { client.put(PATH, body("County", "LENAWEE")).await });
        eventually("election-api is asked", || app.election.count(Call::DistrictsList) > before).await;
        let council = json!({"details": {
            "positionId": COUNCIL, "office": "Other", "otherOffice": "Council", "state": "WY",
        }});
        assert_eq!(app.user(7).put("/v1/campaigns/mine", council).await.status, 200);
        assert_eq!(slow.await.unwrap().status, 400, "LENAWEE is in MI, the office in WY by now");
        let mine = app.user(7).get("/v1/campaigns/mine").await;
        assert_eq!(district(&mine), json!(["City_Ward", "CHEYENNE CITY WARD 1", false]));
    }
}

#[actix_web::test]
async fn the_id_that_election_api_gives_is_stored_with_the_override() {
    let app = TestApp::new(Phase::One).await;
    mayor(&app).await;
    app.user(7).put(PATH, body("County", "LENAWEE")).await;
    let stored = || {
        app.database
            .row("SELECT l2_district_id, l2_district_name, district_manually_set FROM campaign")
    };
    let row = stored();
    assert_eq!(
        (&row["l2_district_name"], &row["district_manually_set"]),
        (&json!("LENAWEE"), &json!(true))
    );
    assert!(row["l2_district_id"].is_string());
    // A district chosen by hand is an override, even if it equals the position's.
    app.user(7).put(PATH, body("City", "TECUMSEH CITY")).await;
    assert_eq!(stored()["l2_district_name"], "TECUMSEH CITY");
}

#[actix_web::test]
async fn a_custom_office_has_the_districts_of_its_own_state() {
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    let office = json!({"details": {"positionId": null, "office": "Clerk", "state": "wy"}});
    app.user(7).put("/v1/campaigns/mine", office).await;
    assert_eq!(app.user(7).put(PATH, body("County", "LENAWEE")).await.status, 400);
    assert_eq!(app.user(7).put(PATH, body("County", "LARAMIE")).await.status, 200);
}

#[actix_web::test]
async fn a_state_from_election_api_takes_precedence_over_the_clients() {
    let app = TestApp::new(Phase::One).await;
    mayor(&app).await;
    app.user(7).put("/v1/campaigns/mine", json!({"details": {"state": "WY"}})).await;
    // A new server, so that no answer is cached.
    let app = app.restarted().await;
    app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    assert_eq!(app.user(7).put(PATH, body("County", "LARAMIE")).await.status, 400);
    assert_eq!(app.user(7).put(PATH, body("County", "LENAWEE")).await.status, 200);
}

#[actix_web::test]
async fn a_hanging_election_api_does_not_keep_the_district_from_being_stored() {
    let app = TestApp::new(Phase::One).await;
    mayor(&app).await;
    for call in [Call::DistrictsList, Call::ProjectedTurnout] {
        app.election.fail_always(call, Fault::Hang { ms: 20_000 });
    }
    let response = app.user(7).put(PATH, body("County", "LENAWEE")).await;
    assert_eq!(district(&response), json!(["County", "LENAWEE", true]));
}
