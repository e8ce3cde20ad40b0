//! Data that is incomplete because of an election-api outage is completed afterwards, without users having to
//! select again (design D6).

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use winserve_domain::{
    base::CampaignId,
    positions::{LookupOutcome, LookupRetrier, Subject},
};
use winserve_emulators::{Call, ElectionEmulator, Fault, World};
use winserve_persistence::{Db, DbOptions};
use winserve_testkit::{Phase, composition};
use winserve_testkit::{TestApp, TestClock, TestDatabase};
use winserve_upstreams::ElectionApi;

use crate::{
    binaries::{Running, api, free_port, wait_until_ready},
    fixtures::{self, MAYOR},
};

/// Retries lookups as the worker of `api` does.
fn retrier(database: &TestDatabase, emulator: &ElectionEmulator) -> LookupRetrier {
    let db = Db::connect(&database.url(), &DbOptions::new("retrier", 2), composition(Phase::Two))
        .unwrap();
    let election = ElectionApi::new(emulator.url(), Arc::new(TestClock)).unwrap();
    LookupRetrier {
        database: Arc::new(db),
        election: Arc::new(election),
        clock: Arc::new(TestClock),
    }
}

/// Looks up until nothing is due; returns the new answers.
pub(crate) async fn ask_again(app: &TestApp) -> usize {
    let retrier = retrier(&app.database, &app.election);
    retrier.note().await.unwrap();
    let mut known = 0;
    loop {
        match retrier.retry_next().await.unwrap() {
            LookupOutcome::Off | LookupOutcome::Idle => return known,
            LookupOutcome::Known(_) => known += 1,
            LookupOutcome::Unknown(_)
            | LookupOutcome::Waiting(_)
            | LookupOutcome::Unanswered(..) => {}
        }
    }
}

fn away(app: &TestApp) {
    for call in [Call::PositionByBallotreadyId, Call::DistrictsList] {
        app.election.fail_always(call, Fault::Down);
    }
}

fn open(database: &TestDatabase) -> Vec<Value> {
    let rows = "SELECT kind, key, attempts, outcome, due_at > now() AS is_later FROM open_look_up ORDER BY kind, key";
    let array = |row: &Value| {
        json!([row["kind"], row["key"], row["attempts"], row["outcome"], row["is_later"]])
    };
    database.rows(rows).iter().map(array).collect()
}

fn mayor() -> Value {
    json!({
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
        "ballotLevel": "CITY", "electionDate": "2028-11-07",
    })
}

/// While election-api is down, candidates 7 and 8 choose the office in the two possible ways, and official 9 wins
/// it.
async fn choose_while_it_is_away(app: &TestApp) {
    for user in 7..=9 {
        fixtures::user(&app.database, user, "candidate");
    }
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    fixtures::campaign(&app.database, 13, 9, &json!({}), None);
    away(app);
    for user in [7, 9] {
        let picked = app.user(user).put("/v1/campaigns/mine", json!({"details": mayor()})).await;
        assert_eq!(picked.status, 200, "{}", picked.json());
        assert_eq!(picked.json()["pathToVictory"], Value::Null);
    }
    assert_eq!(app.user(8).post("/v1/campaigns", mayor()).await.status, 201);
    let won = app.user(9);
    let won = won
        .send(
            won.request(Method::POST, "/v1/elected-office")
                .json(&json!({"electedDate": "2024-11-05"})),
        )
        .await;
    assert_eq!(won.status, 201, "{}", won.json());
}

async fn districts(app: &TestApp, user: i32) -> Vec<Value> {
    let listed = app.user(user).get("/v1/organizations").await;
    assert_eq!(listed.status, 200, "{}", listed.json());
    let organizations = listed.json()["organizations"].as_array().unwrap().clone();
    organizations.iter().map(|it| it["district"]["name"].clone()).collect()
}

async fn outage_data_is_completed(phase: Phase) {
    let app = TestApp::new(phase).await;
    choose_while_it_is_away(&app).await;
    for user in 7..=9 {
        assert!(districts(&app, user).await.iter().all(Value::is_null), "{phase}");
    }
    app.election.heal();
    // The position, and three campaigns whose JSON does not name the district.
    assert_eq!(ask_again(&app).await, 4, "{phase}");
    for user in 7..=9 {
        let names = districts(&app, user).await;
        assert!(names.iter().all(|name| name == "TECUMSEH CITY"), "{phase}: {names:?}");
    }
    for user in [7, 8, 9] {
        let mine = app.user(user).get("/v1/campaigns/mine").await.json();
        let goals = &mine["pathToVictory"]["data"];
        assert_eq!(goals["electionLocation"], "TECUMSEH CITY", "{phase}: {mine}");
    }
    assert_eq!(app.user(7).get("/v1/contacts").await.status, 200, "{phase}");
    assert!(open(&app.database).is_empty(), "{phase}");
}

#[actix_web::test]
async fn an_office_chosen_while_election_api_is_away_gets_its_district_in_phase_1() {
    outage_data_is_completed(Phase::One).await;
}

#[actix_web::test]
async fn an_office_chosen_while_election_api_is_away_gets_its_district_in_phase_2() {
    outage_data_is_completed(Phase::Two).await;
}

#[actix_web::test]
async fn an_office_chosen_while_election_api_is_away_gets_its_district_in_phase_3() {
    outage_data_is_completed(Phase::Three).await;
}

#[actix_web::test]
async fn a_position_that_somebody_else_verifies_gives_its_district_to_those_who_waited() {
    let app = TestApp::new(Phase::One).await;
    choose_while_it_is_away(&app).await;
    app.election.heal();
    fixtures::user(&app.database, 10, "candidate");
    assert_eq!(app.user(10).post("/v1/campaigns", mayor()).await.status, 201);
    assert_eq!(ask_again(&app).await, 3);
    let mine = app.user(7).get("/v1/campaigns/mine").await.json();
    assert_eq!(mine["pathToVictory"]["data"]["electionLocation"], "TECUMSEH CITY");
    assert!(open(&app.database).is_empty());
}

#[actix_web::test]
async fn a_district_of_ones_own_is_kept_and_gets_its_id() {
    let app = TestApp::new(Phase::Two).await;
    choose_while_it_is_away(&app).await;
    let adrian = json!({"L2DistrictType": "City", "L2DistrictName": "ADRIAN CITY"});
    let set = app.user(7).put("/v1/campaigns/mine/district", adrian).await;
    assert_eq!(set.status, 200, "{}", set.json());
    app.election.heal();
    assert_eq!(ask_again(&app).await, 5);
    assert_eq!(districts(&app, 7).await, ["ADRIAN CITY"]);
    let own =
        app.database.row("SELECT l2_district_id IS NOT NULL AS has_id FROM campaign WHERE id = 11");
    assert_eq!(own["has_id"], true);
}

#[actix_web::test]
async fn setting_a_district_again_gives_it_the_id_that_an_outage_left_out() {
    let app = TestApp::new(Phase::Two).await;
    choose_while_it_is_away(&app).await;
    let adrian = json!({"L2DistrictType": "City", "L2DistrictName": "ADRIAN CITY"});
    let has_id = "SELECT l2_district_id IS NOT NULL AS has_id FROM campaign WHERE id = 11";
    for healed in [false, true] {
        if healed {
            app.election.heal();
        }
        let set = app.user(7).put("/v1/campaigns/mine/district", adrian.clone()).await;
        assert_eq!(set.status, 200, "{}", set.json());
        assert_eq!(app.database.row(has_id)["has_id"], healed);
    }
}

#[actix_web::test]
async fn a_district_with_an_id_serves_contacts_and_polls_even_if_its_state_is_unknown() {
    for phase in [Phase::One, Phase::Two] {
        let app = TestApp::new(phase).await;
        fixtures::user(&app.database, 7, "candidate");
        let goals = json!({"electionType": "City", "electionLocation": "TECUMSEH CITY"});
        fixtures::campaign(&app.database, 11, 7, &json!({"office": "Mayor"}), Some(&goals));
        app.database.execute_unmapped(
            "UPDATE campaign SET is_pro = true, l2_district_type = 'City', l2_district_name = 'TECUMSEH CITY',
                 l2_district_id = '01935a5c-0000-4000-8000-000000000001';
             UPDATE ballot_position SET state = NULL, office = 'Mayor'",
        );
        away(&app);
        let user = app.user(7);
        for path in ["/v1/contacts", "/v1/contacts/stats", "/v1/contacts/download"] {
            let answer = user.get(path).await;
            assert_eq!(answer.status, 200, "{phase}: {path}");
        }
        let poll = json!({"message": "What matters to you?", "swornInDate": "2026-01-05"});
        let poll = user.post("/v1/polls/initial-poll", poll).await;
        assert_eq!(poll.status, 201, "{phase}: {}", poll.json());
    }
}

#[actix_web::test]
async fn what_election_api_does_not_know_is_asked_about_less_and_less_often() {
    let app = TestApp::new(Phase::Two).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    let unknown =
        json!({"details": {"positionId": "Z2lkOi8vdW5rbm93bg==", "office": "Boss", "state": "MI"}});
    assert_eq!(app.user(7).put("/v1/campaigns/mine", unknown).await.status, 200);
    assert_eq!(ask_again(&app).await, 0);
    let asked = app.election.count(Call::PositionByBallotreadyId);
    let position = json!(["position", "Z2lkOi8vdW5rbm93bg==", 1, "unknown", true]);
    assert!(open(&app.database).contains(&position), "{:?}", open(&app.database));
    assert_eq!(ask_again(&app).await, 0);
    assert_eq!(app.election.count(Call::PositionByBallotreadyId), asked, "the lookup is not due");
    let waits = "SELECT extract(epoch FROM due_at - now()) AS seconds FROM open_look_up WHERE kind = 'position'";
    let first = app.database.row(waits)["seconds"].as_f64().unwrap();
    app.database.execute("UPDATE open_look_up SET due_at = now() - interval '1 s', attempts = 4");
    ask_again(&app).await;
    assert!(app.database.row(waits)["seconds"].as_f64().unwrap() > 4.0 * first);
}

#[actix_web::test]
async fn an_incomplete_answer_leaves_its_position_unknown_and_is_asked_for_less_and_less_often() {
    for absent in ["name", "state", "L2DistrictName"] {
        let app = TestApp::new(Phase::Two).await;
        fixtures::user(&app.database, 7, "candidate");
        fixtures::campaign(&app.database, 11, 7, &json!({}), None);
        app.election.omit(&[absent]);
        assert_eq!(
            app.user(7).put("/v1/campaigns/mine", json!({"details": mayor()})).await.status,
            200
        );
        assert_eq!(ask_again(&app).await, 0, "{absent}");
        let asked = app.election.count(Call::PositionByBallotreadyId);
        let position = json!(["position", MAYOR, 1, "unknown", true]);
        assert!(open(&app.database).contains(&position), "{absent}: {:?}", open(&app.database));
        assert_eq!(ask_again(&app).await, 0, "{absent}");
        assert_eq!(
            app.election.count(Call::PositionByBallotreadyId),
            asked,
            "the lookup is not due"
        );
        app.database.execute("UPDATE open_look_up SET due_at = now() - interval '1 s'");
        ask_again(&app).await;
        let position = json!(["position", MAYOR, 2, "unknown", true]);
        assert!(open(&app.database).contains(&position), "{absent}: {:?}", open(&app.database));
    }
}

/// How long the oldest campaign has been waiting, in seconds, as `api` shows it for alerts.
fn campaigns_wait(database: &TestDatabase) -> i64 {
    database.execute("UPDATE open_look_up SET since = now() - interval '2 hours'");
    let open = winserve_persistence::look_ups::depth(&mut database.connect()).unwrap();
    let campaigns = open.into_iter().find(|it| it.kind == "campaign").unwrap();
    assert_eq!(campaigns.open, 1);
    campaigns.oldest_seconds
}

#[actix_web::test]
async fn waiting_for_an_unknown_position_causes_no_lookups() {
    let app = TestApp::new(Phase::Two).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    away(&app);
    let typo =
        json!({"details": {"positionId": "Z2lkOi8vdHlwbw==", "office": "Boss", "state": "MI"}});
    assert_eq!(app.user(7).put("/v1/campaigns/mine", typo).await.status, 200);
    ask_again(&app).await;
    assert!(campaigns_wait(&app.database) >= 7_200, "election-api gave no answer");
    app.election.heal();
    app.database.execute("UPDATE open_look_up SET due_at = now() - interval '1 s'");
    ask_again(&app).await;
    assert_eq!(campaigns_wait(&app.database), 0, "election-api has answered");
}

#[actix_web::test]
async fn a_campaign_whose_position_is_unknown_keeps_waiting() {
    let app = TestApp::new(Phase::One).await;
    choose_while_it_is_away(&app).await;
    let retrier = retrier(&app.database, &app.election);
    let turn = retrier.retry(Subject::Campaign(CampaignId(11))).await.unwrap();
    assert!(matches!(turn, LookupOutcome::Waiting(_)), "{turn:?}");
    app.election.heal();
    app.database.execute("UPDATE open_look_up SET due_at = now() - interval '1 s'");
    assert_eq!(ask_again(&app).await, 4, "the position, and three campaigns");
}

#[actix_web::test]
async fn several_processes_ask_about_each_thing_once() {
    let app = TestApp::new(Phase::Two).await;
    app.database.execute_unmapped(
        "INSERT INTO ballot_position (id, office, source) SELECT 'Z2lkOi8v' || number, 'Boss', 'ballot_ready'
         FROM generate_series(1, 40) AS number",
    );
    let retriers = [retrier(&app.database, &app.election), retrier(&app.database, &app.election)];
    retriers[0].note().await.unwrap();
    let asking = retriers.map(|retrier| {
        actix_web::rt::spawn(async move {
            while !matches!(retrier.retry_next().await.unwrap(), LookupOutcome::Idle) {}
        })
    });
    for asking in asking {
        asking.await.unwrap();
    }
    assert_eq!(app.election.count(Call::PositionByBallotreadyId), 40);
    assert!(open(&app.database).iter().all(|it| it[3] == "unknown"));
}

#[actix_web::test]
async fn without_the_table_for_it_nothing_is_asked_and_choosing_works() {
    let app = TestApp::new(Phase::One).await;
    app.database.execute("DROP TABLE open_look_up");
    choose_while_it_is_away(&app).await;
    app.election.heal();
    assert_eq!(ask_again(&app).await, 0);
}

async fn until_one(database: &TestDatabase, count: &str) {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while database.row(count)["count"] != 1 {
        assert!(std::time::Instant::now() < deadline, "no lookup happened: {count}");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn the_server_looks_up_on_its_own_and_again_after_an_outage() {
    let emulator = ElectionEmulator::start(World::demo()).unwrap();
    emulator.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    let database = TestDatabase::in_phase(Phase::Two);
    fixtures::user(&database, 7, "candidate");
    database.execute_unmapped(&format!(
        "INSERT INTO ballot_position (id, office, source, created_at, updated_at)
         VALUES ('{MAYOR}', 'Boss', 'ballot_ready', now(), now())"
    ));
    let bind = format!("127.0.0.1:{}", free_port());
    let server = api(&database, &bind)
        .env("WINSERVE__ELECTION_API__URL", emulator.url())
        .spawn()
        .map(Running)
        .unwrap();
    wait_until_ready(&format!("http://{bind}")).await;
    let unanswered = "SELECT count(*) FROM open_look_up WHERE outcome = 'unanswered'";
    until_one(&database, unanswered).await;
    emulator.heal();
    database.execute_unmapped("UPDATE open_look_up SET due_at = now() - interval '1 s'");
    let verified = "SELECT count(*) FROM ballot_position WHERE verified_at IS NOT NULL";
    until_one(&database, verified).await;
    let metrics = winserve_testkit::http_client().get(format!("http://{bind}/metrics"));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("look_ups_open{kind=\"position\"}"), "{metrics}");
    assert!(metrics.contains("look_ups_total{kind=\"position\",outcome=\"known\"} 1"), "{metrics}");
    assert_eq!(server.terminate(), Some(0));
}
