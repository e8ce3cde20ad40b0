//! Choosing an office through `PUT /v1/campaigns/mine` (design D5, D6, §3 "changing the office").

use serde_json::{Value, json};
use winserve_emulators::{Call, Fault};
use winserve_testkit::Phase;
use winserve_testkit::{Response, TestApp, TestDatabase};

use crate::fixtures::{self, COUNCIL, MAYOR};

/// What the in-product picker sends.
fn pick(position: &str, name: &str, state: &str) -> Value {
    json!({"details": {
        "positionId": position, "office": "Other", "otherOffice": name, "state": state,
        "ballotLevel": "CITY", "raceId": "race", "electionId": "election",
        "electionDate": "2028-11-07", "filingPeriodsStart": "2028-01-01",
    }})
}

fn mayor() -> Value {
    pick(MAYOR, "Tecumseh City Mayor", "MI")
}

fn council() -> Value {
    pick(COUNCIL, "Cheyenne City Council - Ward 1", "WY")
}

/// What the form "I don't see my office" sends.
fn typed_in(office: &str) -> Value {
    json!({"details": {
        "otherOffice": "", "positionId": null, "electionId": null, "office": office, "city": "Adrian",
        "district": "2", "state": "MI",
    }})
}

fn candidate(app: &TestApp) {
    fixtures::user(&app.database, 7, "candidate");
    let goals = json!({
        "electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true,
        "districtId": "old", "winNumber": 5,
    });
    fixtures::campaign(&app.database, 11, 7, &json!({"zip": "49286"}), Some(&goals));
}

async fn put(app: &TestApp, user: i32, body: Value) -> Value {
    let response = app.user(user).put("/v1/campaigns/mine", body).await;
    assert_eq!(response.status, 200, "{}", response.json());
    response.json()
}

fn district(answer: &Value) -> Value {
    let goals = &answer["pathToVictory"]["data"];
    json!([goals["electionType"], goals["electionLocation"], goals["districtManuallySet"]])
}

fn position(database: &TestDatabase, id: &str) -> Value {
    database.row(&format!("SELECT * FROM ballot_position WHERE id = '{id}'"))
}

contract! {
    async fn the_first_pick_takes_the_positions_district_and_drops_the_former(app) {
        candidate(&app);
        let answer = put(&app, 7, mayor()).await;
        assert_eq!(district(&answer), json!(["City", "TECUMSEH CITY", false]));
        assert_eq!(answer["details"]["otherOffice"], "Tecumseh City Mayor");
        assert_eq!(answer["details"]["raceId"], "race");
        let goals = &answer["pathToVictory"]["data"];
        assert_eq!((&goals["winNumber"], &goals["districtId"]), (&json!(5), &json!("old")));
        assert_eq!(app.election.count(Call::PositionByBallotreadyId), 1);
    }

    async fn voter_goals_come_into_being_for_a_district(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({}), None);
        let answer = put(&app, 7, mayor()).await;
        assert_eq!(district(&answer), json!(["City", "TECUMSEH CITY", false]));
    }

    async fn picking_again_takes_the_new_race_and_forgets_the_old_one(app) {
        candidate(&app);
        put(&app, 7, mayor()).await;
        let mut again = council();
        again["details"].as_object_mut().unwrap().remove("filingPeriodsStart");
        again["details"]["primaryElectionDate"] = json!("2028-08-01");
        let answer = put(&app, 7, again).await;
        assert_eq!(district(&answer), json!(["City_Ward", "CHEYENNE CITY WARD 1", false]));
        let details = &answer["details"];
        assert_eq!((&details["positionId"], &details["state"]), (&json!(COUNCIL), &json!("WY")));
        assert_eq!(details.get("filingPeriodsStart"), None);
        assert_eq!(details["primaryElectionDate"], "2028-08-01");
        assert_eq!(details["zip"], "49286", "the person's own");
    }

    async fn picking_the_same_office_once_more_changes_no_district(app) {
        candidate(&app);
        put(&app, 7, mayor()).await;
        let own = json!({"pathToVictory": {
            "electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true,
        }});
        put(&app, 7, own).await;
        let answer = put(&app, 7, mayor()).await;
        assert_eq!(district(&answer), json!(["County", "LENAWEE", true]));
    }

    async fn a_typed_in_office_has_no_district_and_no_race(app) {
        candidate(&app);
        put(&app, 7, mayor()).await;
        let answer = put(&app, 7, typed_in("Dog Catcher")).await;
        assert_eq!(district(&answer), json!([null, null, null]));
        let details = &answer["details"];
        assert_eq!((&details["office"], &details["positionId"]), (&json!("Dog Catcher"), &Value::Null));
        assert_eq!((details.get("raceId"), details.get("filingPeriodsStart")), (None, None));
        assert_eq!(details["electionId"], Value::Null, "as the form sent it");
    }

    async fn from_a_typed_in_office_back_to_a_known_one(app) {
        candidate(&app);
        put(&app, 7, typed_in("Dog Catcher")).await;
        let answer = put(&app, 7, mayor()).await;
        assert_eq!(answer["details"]["office"], "Other");
        assert_eq!(district(&answer), json!(["City", "TECUMSEH CITY", false]));
    }

    async fn rewording_a_typed_in_office_keeps_district_and_race(app) {
        candidate(&app);
        put(&app, 7, typed_in("Dog Catcher")).await;
        let own = json!({
            "details": {"raceId": "kept"},
            "pathToVictory": {"electionType": "County", "electionLocation": "LENAWEE", "districtManuallySet": true},
        });
        put(&app, 7, own).await;
        let answer = put(&app, 7, json!({"details": {"office": "Cat Catcher", "city": "Clinton"}})).await;
        assert_eq!(answer["details"]["office"], "Cat Catcher");
        assert_eq!(answer["details"]["city"], "Clinton");
        assert_eq!(answer["details"]["raceId"], "kept");
        assert_eq!(district(&answer), json!(["County", "LENAWEE", true]));
    }

    async fn a_manual_district_is_kept_through_unrelated_edits(app) {
        candidate(&app);
        put(&app, 7, mayor()).await;
        let own = json!({"pathToVictory": {
            "electionType": "City", "electionLocation": "TECUMSEH CITY", "districtManuallySet": true,
        }});
        put(&app, 7, own).await;
        let edit = json!({"details": {"occupation": "Teacher"}, "pathToVictory": {"winNumber": 6}});
        let answer = put(&app, 7, edit).await;
        assert_eq!(district(&answer), json!(["City", "TECUMSEH CITY", true]));
    }

    async fn the_positions_district_becomes_ones_own_by_the_mark_alone(app) {
        candidate(&app);
        put(&app, 7, mayor()).await;
        let answer = put(&app, 7, json!({"pathToVictory": {"districtManuallySet": true}})).await;
        assert_eq!(district(&answer), json!(["City", "TECUMSEH CITY", true]));
        let answer = put(&app, 7, json!({"pathToVictory": {"districtManuallySet": false}})).await;
        assert_eq!(district(&answer), json!(["City", "TECUMSEH CITY", false]));
    }

    async fn an_unknown_position_is_stored_as_the_client_describes_it_without_district(app) {
        candidate(&app);
        let answer = put(&app, 7, pick("Z2lkOi8vdW5rbm93bg==", "Nowhere Mayor", "MI")).await;
        assert_eq!(answer["details"]["otherOffice"], "Nowhere Mayor");
        assert_eq!(district(&answer), json!([null, null, null]));
    }

    async fn whatever_fault_election_api_has_the_pick_is_stored_and_nothing_of_it_leaks(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({}), None);
        let message = "column \"secret\" does not exist".to_owned();
        let faults = [
            Fault::Down,
            Fault::Status { status: 500, message: message.clone() },
            Fault::Garbage,
            Fault::Truncated,
            Fault::Hang { ms: 10_000 },
        ];
        for (fault, body) in faults.into_iter().zip([mayor(), council()].iter().cycle()) {
            app.election.heal();
            app.election.fail_always(Call::PositionByBallotreadyId, fault);
            let answer = put(&app, 7, body.clone()).await;
            assert_eq!(answer["details"]["positionId"], body["details"]["positionId"]);
            assert!(!answer.to_string().contains("secret"));
        }
    }

    async fn an_id_of_ours_from_a_client_is_an_unknown_position(app) {
        candidate(&app);
        fixtures::user(&app.database, 8, "candidate");
        fixtures::campaign(&app.database, 12, 8, &json!({}), None);
        put(&app, 8, typed_in("Clerk")).await;
        let answer = put(&app, 7, pick("custom:campaign:12", "Forged", "MI")).await;
        assert_eq!(answer["details"]["positionId"], Value::Null);
        assert_eq!(answer["details"]["office"], "Forged");
    }
}

async fn in_phase_1() -> TestApp {
    TestApp::new(Phase::One).await
}

#[actix_web::test]
async fn a_position_is_stored_with_the_facts_that_election_api_states() {
    let app = in_phase_1().await;
    candidate(&app);
    let mut forged = mayor();
    forged["details"]["otherOffice"] = json!("Emperor");
    forged["details"]["ballotLevel"] = json!("FEDERAL");
    forged["details"]["state"] = json!("CA");
    forged["details"]["level"] = json!("federal");
    put(&app, 7, forged).await;
    let row = position(&app.database, MAYOR);
    assert_eq!(row["level"], Value::Null, "election-api states none");
    assert_eq!((&row["office"], &row["state"]), (&json!("Tecumseh City Mayor"), &json!("MI")));
    assert_eq!((&row["ballot_level"], &row["source"]), (&json!("CITY"), &json!("ballot_ready")));
    assert_eq!(row["l2_district_name"], "TECUMSEH CITY");
    assert!(row["l2_district_id"].is_string() && row["verified_at"].is_string());
}

#[actix_web::test]
async fn a_user_never_changes_a_shared_position_and_the_first_verified_answer_does() {
    let app = in_phase_1().await;
    for (user, campaign) in [(7, 11), (8, 12), (9, 13)] {
        fixtures::user(&app.database, user, "candidate");
        fixtures::campaign(&app.database, campaign, user, &json!({}), None);
    }
    app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    put(&app, 7, pick(MAYOR, "Mayor of Tecumseh", "mi")).await;
    let row = position(&app.database, MAYOR);
    assert_eq!((&row["office"], &row["state"]), (&json!("Mayor of Tecumseh"), &json!("MI")));
    assert_eq!((&row["verified_at"], &row["l2_district_name"]), (&Value::Null, &Value::Null));

    put(&app, 8, pick(MAYOR, "Emperor", "CA")).await;
    assert_eq!(position(&app.database, MAYOR), row, "another caller's word changes nothing");

    app.election.heal();
    put(&app, 9, pick(MAYOR, "Emperor", "CA")).await;
    let verified = position(&app.database, MAYOR);
    assert_eq!(verified["office"], "Tecumseh City Mayor");
    assert_eq!(verified["l2_district_name"], "TECUMSEH CITY");
}

#[actix_web::test]
async fn a_later_answer_applies_to_the_office_that_the_holder_already_had() {
    let app = in_phase_1().await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    app.election.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    let without = put(&app, 7, mayor()).await;
    assert_eq!(district(&without), json!([null, null, null]));
    app.election.heal();
    let with = put(&app, 7, mayor()).await;
    assert_eq!(district(&with), json!(["City", "TECUMSEH CITY", false]));
    assert!(position(&app.database, MAYOR)["verified_at"].is_string());
}

#[actix_web::test]
async fn rewording_a_known_office_makes_no_shared_position_of_the_callers_words() {
    let app = in_phase_1().await;
    fixtures::user(&app.database, 7, "candidate");
    let picked_before_phase_1 = mayor()["details"].clone();
    fixtures::campaign(&app.database, 11, 7, &picked_before_phase_1, None);
    fixtures::unlink(&app.database);
    put(&app, 7, json!({"details": {"otherOffice": "Emperor", "state": "CA"}})).await;
    let row = position(&app.database, MAYOR);
    assert_eq!((&row["office"], &row["state"]), (&json!("Tecumseh City Mayor"), &json!("MI")));
    assert!(row["verified_at"].is_string());
}

#[actix_web::test]
async fn an_id_that_no_key_can_be_is_an_unknown_position() {
    let app = in_phase_1().await;
    candidate(&app);
    let answer = put(&app, 7, pick(&"x1y2".repeat(3_000), "Mayor", "MI")).await;
    assert_eq!(answer["details"]["positionId"], Value::Null);
    assert_eq!(answer["details"]["office"], "Mayor");
}

#[actix_web::test]
async fn many_pick_one_position_at_once() {
    let app = in_phase_1().await;
    let picks: Vec<_> = (1..=12)
        .map(|user| {
            fixtures::user(&app.database, user, "candidate");
            fixtures::campaign(&app.database, user, user, &json!({}), None);
            let client = app.user(user);
            actix_web::rt::spawn(async move {
                client.put("/v1/campaigns/mine", mayor()).await.status.as_u16()
            })
        })
        .collect();
    for pick in picks {
        assert_eq!(pick.await.unwrap(), 200);
    }
    let linked =
        app.database.row(&format!("SELECT count(*) FROM campaign WHERE position_id = '{MAYOR}'"));
    assert_eq!(linked["count"], 12);
}

#[actix_web::test]
async fn a_district_id_outlives_edits_that_leave_the_district() {
    let app = in_phase_1().await;
    candidate(&app);
    put(&app, 7, typed_in("Dog Catcher")).await;
    let own = |kind: &str, name: &str| json!({"pathToVictory": {"electionType": kind, "electionLocation": name}});
    app.election.fail_always(Call::DistrictsList, Fault::Down);
    put(&app, 7, own("County", "LENAWEE")).await;
    let id = "0193f6a4-0000-4000-8000-00000000000a";
    app.database.execute(&format!("UPDATE campaign SET l2_district_id = '{id}'"));
    put(&app, 7, json!({"details": {"office": "Cat Catcher"}})).await;
    let stored =
        || app.database.row("SELECT l2_district_id FROM campaign")["l2_district_id"].clone();
    assert_eq!(stored(), id);
    put(&app, 7, own("City", "ADRIAN CITY")).await;
    assert_eq!(stored(), Value::Null);
}

#[actix_web::test]
async fn two_campaigns_of_one_position_keep_their_own_districts() {
    let app = in_phase_1().await;
    for (user, campaign) in [(7, 11), (8, 12)] {
        fixtures::user(&app.database, user, "candidate");
        fixtures::campaign(&app.database, campaign, user, &json!({}), None);
        put(&app, user, mayor()).await;
    }
    let own = |name: &str, manual: bool| {
        json!({"pathToVictory": {
            "electionType": "City", "electionLocation": name, "districtManuallySet": manual,
        }})
    };
    put(&app, 7, own("MI##ADRIAN CITY##", true)).await;
    put(&app, 8, own("TECUMSEH CITY", true)).await;
    let overrides = app.database.rows(
        "SELECT id, position_id, l2_district_name, district_manually_set FROM campaign ORDER BY id",
    );
    let row = |id: i32, name: &str| json!({"id": id, "position_id": MAYOR, "l2_district_name": name, "district_manually_set": true});
    // A manual one is stored even if it equals the position's.
    assert_eq!(overrides, [row(11, "ADRIAN CITY"), row(12, "TECUMSEH CITY")]);
    put(&app, 8, own("TECUMSEH CITY", false)).await;
    let inherited = app.database.row("SELECT l2_district_name FROM campaign WHERE id = 12");
    assert_eq!(inherited["l2_district_name"], Value::Null);
}

#[actix_web::test]
async fn the_own_position_goes_when_its_campaign_picks_a_known_one() {
    let app = in_phase_1().await;
    candidate(&app);
    put(&app, 7, typed_in("Dog Catcher")).await;
    let own = position(&app.database, "custom:campaign:11");
    assert_eq!((&own["office"], &own["city"]), (&json!("Dog Catcher"), &json!("Adrian")));
    put(&app, 7, mayor()).await;
    let ids = app.database.rows("SELECT id FROM ballot_position");
    assert_eq!(ids, [json!({"id": MAYOR})]);
}

#[actix_web::test]
async fn a_campaign_of_before_phase_1_is_completed_by_its_first_write() {
    let app = in_phase_1().await;
    candidate(&app);
    fixtures::unlink(&app.database);
    let unrelated = app.user(7).put("/v1/campaigns/mine", json!({"details": {"zip": "1"}})).await;
    let position = app.database.row("SELECT position_id FROM campaign");
    assert_eq!(position, json!({"position_id": "custom:campaign:11"}));
    let answer = put(&app, 7, mayor()).await;
    assert_eq!(answer["organizationId"], unrelated.json()["organizationId"]);
    let organization = app.database.row("SELECT id, owner_id, type FROM organization");
    assert_eq!(answer["organizationId"], organization["id"]);
    assert_eq!((&organization["owner_id"], &organization["type"]), (&json!(7), &json!("campaign")));
}

/// Statements of a request, without the one that authenticates.
async fn statements_of(app: &TestApp, request: impl Future<Output = Response>) -> u64 {
    let before = app.statements();
    assert_eq!(request.await.status, 200);
    app.statements() - before - 1
}

#[actix_web::test]
async fn selecting_an_office_costs_at_most_twelve_statements() {
    let app = in_phase_1().await;
    candidate(&app);
    fixtures::unlink(&app.database);
    let client = app.user(7);
    client.get("/v1/users/me").await;
    // A campaign from before phase 1, a new position, no voter goals yet.
    app.database.execute("DELETE FROM path_to_victory");
    let first = statements_of(&app, client.put("/v1/campaigns/mine", mayor())).await;
    let again = statements_of(&app, client.put("/v1/campaigns/mine", council())).await;
    // Authentication reads the phase again, because the cached value has expired.
    actix_web::rt::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let cold = statements_of(&app, client.put("/v1/campaigns/mine", mayor())).await;
    assert!(first <= 12 && again <= 12 && cold <= 12, "{first}, {again}, {cold} statements");
}

#[actix_web::test]
async fn in_phase_3_a_campaign_keeps_an_inherited_district_that_a_verified_one_replaces() {
    let app = TestApp::new(Phase::Three).await;
    for (user, campaign) in [(7, 11), (8, 12)] {
        fixtures::user(&app.database, user, "candidate");
        fixtures::campaign(&app.database, campaign, user, &json!({}), None);
    }
    app.database.execute(&format!(
        "INSERT INTO ballot_position (id, office, state, source, l2_district_type, l2_district_name)
             VALUES ('{MAYOR}', 'Mayor', 'MI', 'ballot_ready', 'City', 'ADRIAN CITY');
         UPDATE campaign SET position_id = '{MAYOR}' WHERE id = 11;
         DELETE FROM ballot_position WHERE id = 'custom:campaign:11'"
    ));
    put(&app, 8, mayor()).await;
    let replaced = app.database.row("SELECT l2_district_name FROM ballot_position");
    assert_eq!(replaced["l2_district_name"], "TECUMSEH CITY");
    let own = app.database.rows("SELECT l2_district_name AS own FROM campaign ORDER BY id");
    assert_eq!(own, [json!({"own": "ADRIAN CITY"}), json!({"own": null})]);
}
