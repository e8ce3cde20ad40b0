//! `PUT /v1/campaigns/mine/race-target-details` and its variant for staff (legacy contract §3.4).

use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp};

use crate::fixtures::{self, MAYOR, WITHOUT_DISTRICT};

const MINE: &str = "/v1/campaigns/mine/race-target-details";

fn candidate(app: &TestApp, position: &str, goals: &Value) {
    fixtures::user(&app.database, 7, "candidate");
    let details = json!({
        "positionId": position, "office": "Other", "otherOffice": "Mayor", "state": "MI",
        "electionDate": "2028-11-07",
    });
    fixtures::campaign(&app.database, 11, 7, &details, Some(goals));
    if app.database.phase().has_tables() {
        // As before phase 1: this test's write links it.
        fixtures::unlink(&app.database);
    }
}

async fn put(app: &TestApp, user: i32, path: &str) -> Response {
    let client = app.user(user);
    client.send(client.request(Method::PUT, path)).await
}

fn goals(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.json());
    response.json()["pathToVictory"]["data"].clone()
}

contract! {
    async fn district_and_goals_are_taken_from_the_race(app) {
        let former = json!({
            "electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true,
            "voteGoal": 3,
        });
        candidate(&app, MAYOR, &former);
        let goals = goals(&put(&app, 7, MINE).await);
        let id = goals["districtId"].clone();
        assert!(id.is_string());
        assert_eq!(goals, json!({
            "districtId": id, "electionType": "City", "electionLocation": "TECUMSEH CITY",
            "districtManuallySet": false, "projectedTurnout": 3_100, "winNumber": 1_551,
            "voterContactGoal": 7_755, "source": "ElectionApi", "p2vStatus": "Complete",
            "p2vCompleteDate": "2026-02-25", "p2vAttempts": 0, "officeContextFingerprint": null,
            "voteGoal": 3,
        }));
    }

    async fn both_stores_hold_the_district_afterwards(app) {
        candidate(&app, MAYOR, &json!({}));
        goals(&put(&app, 7, MINE).await);
        let mine = app.user(7).get("/v1/campaigns/mine").await.json();
        assert_eq!(mine["organizationId"], app.organization_of(11));
        if app.database.phase().has_tables() {
            let row = app.database.row(
                "SELECT position_id, campaign.l2_district_name, verified_at, ballot_position.l2_district_name AS inherited
                 FROM campaign JOIN ballot_position ON ballot_position.id = position_id",
            );
            assert_eq!((&row["position_id"], &row["l2_district_name"]), (&json!(MAYOR), &Value::Null));
            assert_eq!(row["inherited"], "TECUMSEH CITY");
            assert!(row["verified_at"].is_string());
        }
    }

    async fn whatever_fault_election_api_has_the_goals_wait_and_the_district_stays(app) {
        let former = json!({"electionType": "County", "electionLocation": "LENAWEE", "winNumber": 4});
        candidate(&app, MAYOR, &former);
        for fault in [
            Fault::Down,
            Fault::Status { status: 404, message: "gone".to_owned() },
            Fault::Status { status: 500, message: "secret".to_owned() },
            Fault::Garbage,
        ] {
            app.election.fail_always(Call::PositionByBallotreadyId, fault);
            let goals = goals(&put(&app, 7, MINE).await);
            assert_eq!(goals["p2vStatus"], "Waiting");
            assert_eq!((&goals["p2vAttempts"], &goals["officeContextFingerprint"]), (&json!(0), &Value::Null));
            assert_eq!((&goals["electionLocation"], &goals["winNumber"]), (&json!("LENAWEE"), &json!(4)));
            assert!(!goals.to_string().contains("secret"));
        }
    }

    async fn a_position_without_district_waits_instead_of_failing(app) {
        candidate(&app, WITHOUT_DISTRICT, &json!({"electionType": "County", "electionLocation": "LENAWEE"}));
        let goals = goals(&put(&app, 7, MINE).await);
        assert_eq!((&goals["p2vStatus"], &goals["electionLocation"]), (&json!("Waiting"), &json!("LENAWEE")));
    }

    async fn without_an_office_or_an_election_date_there_is_no_race(app) {
        for (id, details) in (11..).zip([
            json!({}),
            json!({"positionId": MAYOR}),
            json!({"positionId": MAYOR, "electionDate": ""}),
            json!({"positionId": null, "office": "Clerk", "electionDate": "2028-11-07"}),
        ]) {
            fixtures::user(&app.database, id, "candidate");
            fixtures::campaign(&app.database, id, id, &details, None);
            put(&app, id, MINE).await.assert_error(
                400,
                "Bad Request",
                "invalid-request",
                "Error: The campaign has no ballotready 'positionId' or electionDate and likely hasn't selected an office yet",
            );
        }
        assert_eq!(app.election.count(Call::PositionByBallotreadyId), 0);
    }

    async fn without_a_campaign_there_is_nothing(app) {
        fixtures::user(&app.database, 7, "candidate");
        put(&app, 7, MINE).await.assert_error(404, "Not Found", "no-organization", "Not Found");
    }

    async fn staff_name_the_campaign_and_may_go_without_turnout(app) {
        candidate(&app, MAYOR, &json!({}));
        let path = "/v1/campaigns/admin/slug-11/race-target-details";
        put(&app, 7, path).await.assert_error(403, "Forbidden", "forbidden", "Forbidden resource");
        for (user, role) in [(20, "admin"), (21, "sales")] {
            fixtures::user(&app.database, user, role);
            let with = goals(&put(&app, user, &format!("{path}?includeTurnout=yes")).await);
            assert_eq!(with["winNumber"], 1_551);
            let without = goals(&put(&app, user, &format!("{path}?includeTurnout=false")).await);
            assert_eq!((&without["winNumber"], &without["p2vStatus"]), (&json!(-1), &json!("DistrictMatched")));
        }
        let unknown = put(&app, 20, "/v1/campaigns/admin/nobody/race-target-details").await;
        unknown.assert_error(404, "Not Found", "not-found", "Record not found");
    }
}

#[actix_web::test]
async fn a_district_by_hand_gives_way_to_the_races_in_both_stores() {
    let app = TestApp::new(Phase::One).await;
    candidate(&app, MAYOR, &json!({}));
    let own = json!({"L2DistrictType": "County", "L2DistrictName": "LENAWEE"});
    app.user(7).put("/v1/campaigns/mine/district", own).await;
    goals(&put(&app, 7, MINE).await);
    let row = app.database.row("SELECT l2_district_name, district_manually_set FROM campaign");
    assert_eq!(row, json!({"l2_district_name": null, "district_manually_set": false}));
}

#[actix_web::test]
async fn the_goals_wait_when_election_api_hangs_and_a_body_does_not_matter() {
    let app = TestApp::new(Phase::One).await;
    candidate(&app, MAYOR, &json!({}));
    app.election.fail_always(Call::PositionByBallotreadyId, Fault::Hang { ms: 20_000 });
    let response = app.user(7).put(MINE, json!({"any": "thing"})).await;
    assert_eq!(goals(&response)["p2vStatus"], "Waiting");
}
