//! The backfill calls election-api, through the real client and over real HTTP.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use winserve_domain::base::SystemClock;
use winserve_emulators::{Call, District, ElectionEmulator, Fault, Position, World};
use winserve_migration::Phase;
use winserve_migration::{
    LookUps, Options, RunError, Unobserved, run_organizations, run_positions, verify,
};
use winserve_testkit::{TestApp, TestDatabase};
use winserve_upstreams::ElectionApi;

use super::{backfill_run::options, generated};
use crate::{
    binaries::{backfill, output},
    fixtures,
    reports::assert_documented,
};

const MAYOR: &str = "Z2lkOi8vYmFsbG90L21heW9y";
const CLERK: &str = "Z2lkOi8vYmFsbG90L2NsZXJr";
const UNKNOWN: &str = "Z2lkOi8vYmFsbG90L3Vua25vd24=";

fn uuid(number: u32) -> String {
    format!("0193f6a4-0000-4000-8000-{number:012}")
}

/// Tecumseh's mayor with a district, its clerk without one, and four more districts.
fn emulator() -> ElectionEmulator {
    let district = |number, kind, name| District::new(&uuid(number), "MI", kind, name, None);
    let districts = vec![
        district(1, "City", "TECUMSEH"),
        district(2, "City", "ADRIAN"),
        district(3, "State_House_District", "17"),
        district(4, "City", "CLINTON (EST.)"),
        district(5, "County", "LENAWEE"),
    ];
    let position = |number: u32, id: &str, name: &str, district_id| Position {
        id: uuid(100 + number),
        br_position_id: id.to_owned(),
        br_database_id: number.to_string(),
        state: "MI".to_owned(),
        name: name.to_owned(),
        level: Some("CITY".to_owned()),
        district_id,
    };
    let positions = vec![
        position(1, MAYOR, "Tecumseh City Mayor", Some(uuid(1))),
        position(2, CLERK, "Tecumseh City Clerk", None),
    ];
    ElectionEmulator::start(World::new(districts, positions).unwrap()).unwrap()
}

fn look_ups(emulator: &ElectionEmulator) -> LookUps {
    let client = ElectionApi::new(emulator.url(), Arc::new(SystemClock)).unwrap();
    LookUps::new(Arc::new(client)).unwrap()
}

fn picked(position: &str, state: &str) -> Value {
    json!({"positionId": position, "office": "Other", "otherOffice": "Boss", "state": state, "level": "city", "ballotLevel": "COUNTY"})
}

fn district(kind: &str, name: &str) -> Value {
    json!({"electionType": kind, "electionLocation": name, "source": "ElectionApi"})
}

fn database(cases: &[(&str, &str, Option<Value>)]) -> TestDatabase {
    generated::with_old_rows(|database| {
        for (id, (position, state, goals)) in (1..).zip(cases) {
            fixtures::campaign(database, id, 7, &picked(position, state), goals.as_ref());
        }
    })
}

fn position(database: &TestDatabase, id: &str) -> Value {
    database.row(&format!(
        "SELECT json_build_array(office, ballot_level, level, state, l2_district_type, l2_district_name, l2_district_id,
             verified_at IS NOT NULL) AS row FROM ballot_position WHERE id = '{id}'"
    ))["row"]
        .clone()
}

#[test]
fn answers_of_election_api_are_used_and_unknown_facts_are_decided_by_frequency() {
    let database = database(&[
        (MAYOR, "MI", Some(district("City", "ADRIAN"))),
        (CLERK, "MI", Some(district("City", "ADRIAN"))),
        (UNKNOWN, "MI", Some(district("City", "ADRIAN"))),
        (UNKNOWN, "mi", Some(district("City", "TECUMSEH"))),
        (UNKNOWN, "MI", Some(district("City", "ADRIAN"))),
    ]);
    let emulator = emulator();
    let look_ups = look_ups(&emulator);
    let report = run_positions(&options(&database), Some(&look_ups), &mut Unobserved).unwrap();
    assert!(report.look_ups.unwrap().configured);
    assert_eq!(
        position(&database, MAYOR),
        json!(["Tecumseh City Mayor", "CITY", null, "MI", "City", "TECUMSEH", uuid(1), true])
    );
    assert_eq!(
        position(&database, CLERK),
        json!(["Tecumseh City Clerk", "CITY", null, "MI", null, null, null, true])
    );
    assert_eq!(
        position(&database, UNKNOWN),
        json!(["Boss", "COUNTY", "city", "MI", "City", "ADRIAN", uuid(2), false])
    );
    run_organizations(&options(&database), Some(&look_ups), &mut Unobserved).unwrap();
    let overrides = database.rows("SELECT id, l2_district_name AS name, l2_district_id AS district FROM campaign WHERE l2_district_name IS NOT NULL ORDER BY id");
    let own =
        |id: u32, name: &str, number| json!({"id": id, "name": name, "district": uuid(number)});
    assert_eq!(overrides, [own(1, "ADRIAN", 2), own(2, "ADRIAN", 2), own(4, "TECUMSEH", 1)]);
    assert_eq!(verify(&mut database.connect()).unwrap().defects(), 0);
}

#[test]
fn each_position_and_each_district_is_asked_for_once() {
    let mut cases = Vec::new();
    for _ in 0..30 {
        cases.push((MAYOR, "MI", Some(district("City", "ADRIAN"))));
        cases.push((UNKNOWN, "MI", Some(district("City", "TECUMSEH"))));
        cases.push((UNKNOWN, "MI", Some(district("County", "LENAWEE"))));
        cases.push((CLERK, "MI", Some(district("County", "LENAWEE"))));
    }
    let database = database(&cases);
    let emulator = emulator();
    // Several workers that look up the same districts at the same time.
    let options = Options { workers: 3, ..options(&database) };
    let asking = look_ups(&emulator);
    run_positions(&options, Some(&asking), &mut Unobserved).unwrap();
    assert_eq!(emulator.count(Call::PositionByBallotreadyId), 3);
    let report = run_organizations(&options, Some(&asking), &mut Unobserved).unwrap();
    let asked = report.look_ups.unwrap();
    assert_eq!((asked.positions, asked.districts), (3, 3));
    assert_eq!(emulator.count(Call::PositionByBallotreadyId), 3);
    assert_eq!(emulator.count(Call::DistrictsList), 3);
    // Verified ones are not requested again.
    run_positions(&options, Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    assert_eq!(emulator.count(Call::PositionByBallotreadyId), 4);
}

#[test]
fn a_district_found_under_another_spelling_keeps_its_text_and_an_unknown_one_too() {
    let database = database(&[
        (CLERK, "MI", Some(district("State_House_District", "MI##017"))),
        (CLERK, "MI", Some(district("City", "CLINTON"))),
        (CLERK, "MI", Some(district("City", "NOWHERE"))),
        (CLERK, "WY", Some(district("City", "ADRIAN"))),
        (CLERK, "Michigan", Some(district("City", "ADRIAN"))),
    ]);
    let emulator = emulator();
    let look_ups = look_ups(&emulator);
    run_positions(&options(&database), Some(&look_ups), &mut Unobserved).unwrap();
    run_organizations(&options(&database), Some(&look_ups), &mut Unobserved).unwrap();
    let found: Vec<_> = database
        .rows(
            "SELECT l2_district_name AS name, l2_district_id AS district FROM campaign ORDER BY id",
        )
        .iter()
        .map(|row| (row["name"].clone(), row["district"].clone()))
        .collect();
    let expected = [
        ("017", json!(uuid(3))),
        ("CLINTON", json!(uuid(4))),
        ("NOWHERE", Value::Null),
        ("ADRIAN", Value::Null),
        // An invalid state is replaced by the position's.
        ("ADRIAN", json!(uuid(2))),
    ];
    assert_eq!(found, expected.map(|(name, id)| (json!(name), id)));
}

#[test]
fn what_somebody_verified_is_neither_asked_for_nor_changed() {
    let database = database(&[(MAYOR, "MI", Some(district("City", "TECUMSEH")))]);
    database.execute(&format!(
        "INSERT INTO ballot_position (id, office, state, source, verified_at) VALUES ('{MAYOR}', 'Staff says', 'MI', 'ballot_ready', now())"
    ));
    let emulator = emulator();
    run_positions(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    assert_eq!(position(&database, MAYOR)[0], "Staff says");
    assert_eq!(emulator.count(Call::PositionByBallotreadyId), 0);
}

#[test]
fn a_run_continues_when_election_api_is_back() {
    let database = database(&[(MAYOR, "MI", None), (CLERK, "MI", None)]);
    let emulator = emulator();
    emulator.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    let failed = run_positions(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved);
    assert!(matches!(failed, Err(RunError::Election(_))), "{failed:?}");
    assert!(database.rows("SELECT FROM ballot_position").is_empty(), "no guess replaces an answer");
    emulator.heal();
    emulator.fail(
        Call::PositionByBallotreadyId,
        Fault::Status { status: 500, message: "secret".into() },
        2,
    );
    run_positions(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    assert_eq!(position(&database, MAYOR)[7], true);
    let runs = database.row("SELECT count(*) FROM backfill_run");
    assert_eq!(runs["count"], 1, "the same run continued");
}

#[test]
fn no_transaction_is_open_while_election_api_is_asked() {
    let database =
        database(&[(MAYOR, "MI", Some(district("City", "ADRIAN"))), (CLERK, "MI", None)]);
    let emulator = emulator();
    for call in [Call::PositionByBallotreadyId, Call::DistrictsList] {
        emulator.fail_always(call, Fault::Hang { ms: 400 });
    }
    let running = std::thread::spawn({
        let (options, look_ups) = (options(&database), look_ups(&emulator));
        move || {
            run_positions(&options, Some(&look_ups), &mut Unobserved).unwrap();
            run_organizations(&options, Some(&look_ups), &mut Unobserved).unwrap();
        }
    });
    let open = "SELECT query FROM pg_stat_activity WHERE application_name LIKE 'backfill/%' AND datname = current_database()
        AND xact_start < now() - interval '200 ms'";
    while !running.is_finished() {
        assert!(database.rows(open).is_empty());
        std::thread::sleep(Duration::from_millis(20));
    }
    running.join().unwrap();
}

#[test]
fn a_replaced_district_stays_with_the_holders_that_inherited_it() {
    // Linked before any call to election-api, and linked by users before the backfill started.
    let database = database(&[
        (MAYOR, "MI", Some(district("City", "ADRIAN"))),
        (MAYOR, "MI", Some(district("City", "ADRIAN"))),
        (MAYOR, "MI", Some(district("City", "TECUMSEH"))),
        (
            MAYOR,
            "MI",
            Some(
                json!({"electionType": "City", "electionLocation": "TECUMSEH", "districtManuallySet": true}),
            ),
        ),
        (MAYOR, "MI", None),
    ]);
    database.execute("INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 1)");
    database.execute("SET session_replication_role = replica; UPDATE elected_office SET organization_id = NULL, position_id = NULL; DELETE FROM organization WHERE type = 'elected_office'; DELETE FROM ballot_position WHERE id = 'custom:office:o-1'");
    let options = options(&database);
    run_positions(&options, None, &mut Unobserved).unwrap();
    run_organizations(&options, None, &mut Unobserved).unwrap();
    let effective = "SELECT holder.id, coalesce(holder.l2_district_name, held.l2_district_name) AS effective, holder.l2_district_name AS own
        FROM (SELECT id::text, position_id, l2_district_name FROM campaign UNION ALL SELECT id, position_id, l2_district_name FROM elected_office) AS holder
        JOIN ballot_position AS held ON held.id = position_id ORDER BY holder.id";
    let row = |id: &str, effective: &str, own: Value| json!({"id": id, "effective": effective, "own": own});
    let before = [
        row("1", "ADRIAN", Value::Null),
        row("2", "ADRIAN", Value::Null),
        row("3", "TECUMSEH", json!("TECUMSEH")),
        row("4", "TECUMSEH", json!("TECUMSEH")),
        row("5", "ADRIAN", Value::Null),
        row("o-1", "ADRIAN", Value::Null),
    ];
    assert_eq!(database.rows(effective), before);
    let emulator = emulator();
    run_positions(&options, Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    assert_eq!(position(&database, MAYOR)[5], "TECUMSEH");
    let after = [
        row("1", "ADRIAN", json!("ADRIAN")),
        row("2", "ADRIAN", json!("ADRIAN")),
        // No longer needed, because the position has it; a manual one stays.
        row("3", "TECUMSEH", Value::Null),
        row("4", "TECUMSEH", json!("TECUMSEH")),
        // Its JSON has no district, so it keeps inheriting.
        row("5", "TECUMSEH", Value::Null),
        row("o-1", "ADRIAN", json!("ADRIAN")),
    ];
    assert_eq!(database.rows(effective), after);
    let verified = verify(&mut database.connect()).unwrap();
    assert_eq!(verified.defects(), 0, "{verified:?}");
    assert_eq!(verified.keys("elected_office", "needless-override"), [""; 0]);
}

#[actix_web::test]
async fn the_first_verified_answer_to_a_user_keeps_the_districts_of_others() {
    let app = TestApp::new(Phase::One).await;
    let mayor = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";
    for id in [11, 12] {
        fixtures::user(&app.database, id, "candidate");
        let goals = (id == 11).then(|| district("City", "ADRIAN"));
        fixtures::campaign(&app.database, id, id, &json!({}), goals.as_ref());
    }
    app.database.execute(&format!(
        "INSERT INTO ballot_position (id, office, source, l2_district_type, l2_district_name)
             VALUES ('{mayor}', 'Mayor', 'ballot_ready', 'City', 'ADRIAN');
         UPDATE campaign SET position_id = '{mayor}' WHERE id = 11;
         DELETE FROM ballot_position WHERE id = 'custom:campaign:11'"
    ));
    let pick = json!({"details": {"positionId": mayor, "office": "Other", "otherOffice": "Mayor", "state": "MI"}});
    assert_eq!(app.user(12).put("/v1/campaigns/mine", pick).await.status, 200);
    assert_eq!(position(&app.database, mayor)[5], "TECUMSEH CITY");
    let own = app.database.rows("SELECT id, l2_district_name AS own FROM campaign ORDER BY id");
    assert_eq!(own, [json!({"id": 11, "own": "ADRIAN"}), json!({"id": 12, "own": null})]);
}

#[test]
fn one_command_asks_about_all_that_is_open() {
    let emulator = ElectionEmulator::start(World::demo()).unwrap();
    let database = TestDatabase::in_phase(Phase::Two);
    fixtures::user(&database, 7, "candidate");
    let unverified = |number: u32| {
        format!(
            "INSERT INTO ballot_position (id, office, source, created_at, updated_at)
             SELECT br, 'Boss', 'ballot_ready', now(), now() FROM unnest(ARRAY['{}', '{}']) WITH ORDINALITY AS it (br, place)
             WHERE place = {number}",
            fixtures::MAYOR,
            fixtures::COUNCIL
        )
    };
    let verified = "SELECT count(*) FROM ballot_position WHERE verified_at IS NOT NULL";
    database.execute_unmapped(&unverified(1));
    let mut command = backfill(&database);
    command.env("WINSERVE__ELECTION_API__URL", emulator.url());
    let (code, stdout, stderr) = output(command.args(["run", "look-ups", "--json"]));
    assert_eq!(code, Some(0), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_documented(&["run", "look-ups"], &report);
    assert_eq!((&report["known"], &report["open"]), (&json!(1), &json!({})));
    assert_eq!(database.row(verified)["count"], 1);

    let (code, _, stderr) = output(backfill(&database).args(["run", "look-ups"]));
    assert_eq!(code, Some(10), "{stderr}");
    assert!(stderr.contains("election_api.url"), "{stderr}");
    emulator.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    database.execute_unmapped(&unverified(2));
    let mut command = backfill(&database);
    command.env("WINSERVE__ELECTION_API__URL", emulator.url());
    let (code, ..) = output(command.args(["run", "look-ups"]));
    assert_eq!(code, Some(23), "the one lookup was not answered");
    let (_, stdout, _) = output(backfill(&database).args(["status", "--json"]));
    let status: Value = serde_json::from_str(&stdout).unwrap();
    assert_documented(&["status"], &status);
    assert_eq!(status["look_ups"]["position"]["unanswered"], 1, "{status}");
    let (_, stdout, _) = output(backfill(&database).arg("status"));
    assert!(stdout.contains("1 unverified positions"), "{stdout}");
}
