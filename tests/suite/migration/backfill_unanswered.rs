//! One lookup that election-api cannot answer does not stop a run; an outage does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::RunQueryDsl as _;
use serde_json::{Value, json};
use winserve_clerk::{MachineSecret, MachineTokenOptions, MachineTokens};
use winserve_domain::base::SystemClock;
use winserve_emulators::{
    Action, Call, ClerkEmulator, District, ElectionEmulator, Fault, Match, Position, Rule, World,
};
use winserve_migration::{
    AskingAgain, LookUps, Options, Phase, Retried, Retry, RunError, Stop, Unobserved, ask_again,
    retry_quarantine, run_organizations, run_positions,
};
use winserve_testkit::TestDatabase;
use winserve_upstreams::{ElectionApi, ElectionApiOptions, ElectionSurface};

use super::{backfill_run::options, generated};
use crate::fixtures;

fn id(number: u32) -> String {
    format!("Z2lkOi8v{number:05}")
}

fn uuid(number: u32) -> String {
    format!("0193f6a4-0000-4000-8000-{number:012}")
}

/// This many positions in the city, each with a campaign, and an election-api that knows all of them.
fn world(positions: u32) -> (TestDatabase, ElectionEmulator) {
    let database = TestDatabase::copy_of(&format!("unanswered_{positions}"), Phase::Legacy, || {
        let database = TestDatabase::new();
        fixtures::user(&database, 7, "candidate");
        database.execute(&format!(
            "INSERT INTO campaign (id, created_at, updated_at, slug, user_id, data, details)
         SELECT number, '2026-01-01', '2026-01-02', 'slug-' || number, 7, '{{}}', jsonb_build_object(
             'positionId', 'Z2lkOi8v' || lpad(number::text, 5, '0'), 'office', 'Other', 'otherOffice', 'Boss',
             'state', 'MI', 'level', 'city', 'ballotLevel', 'CITY')
         FROM generate_series(1, {positions}) AS number"
        ));
        generated::advance(&database);
        database
    });
    let city = |number, name| District::new(&uuid(number), "MI", "City", name, None);
    let position = |number| Position {
        id: uuid(1_000 + number),
        br_position_id: id(number),
        br_database_id: number.to_string(),
        state: "MI".to_owned(),
        name: format!("Boss {number}"),
        level: Some("CITY".to_owned()),
        district_id: Some(uuid(1)),
    };
    let districts = vec![city(1, "TECUMSEH"), city(2, "ADRIAN"), city(3, "CLINTON")];
    let world = World::new(districts, (1..=positions).map(position).collect()).unwrap();
    (database, ElectionEmulator::start(world).unwrap())
}

fn client(emulator: &ElectionEmulator) -> Arc<ElectionApi> {
    // No worker waits for a missing answer.
    let budget = Duration::from_secs(2);
    let options =
        ElectionApiOptions { position_budget: budget, budget, ..ElectionApiOptions::default() };
    let client = ElectionApi::with_options(emulator.url(), Arc::new(SystemClock), options);
    Arc::new(client.unwrap())
}

fn look_ups(emulator: &ElectionEmulator) -> LookUps {
    LookUps::new(client(emulator)).unwrap()
}

fn retry(database: &TestDatabase, emulator: &ElectionEmulator, retry: Retry<'_>) -> Retried {
    let asking = asking(database, emulator);
    retry_quarantine(&mut database.connect(), retry, Some(&asking)).unwrap()
}

fn status(status: u16) -> Fault {
    Fault::Status { status, message: "secret".to_owned() }
}

fn text(body: &Value) -> Fault {
    Fault::Text { status: 200, body: body.to_string() }
}

fn verified(database: &TestDatabase) -> Value {
    database.row("SELECT count(*) FROM ballot_position WHERE verified_at IS NOT NULL")["count"]
        .clone()
}

fn in_quarantine(database: &TestDatabase) -> Vec<Value> {
    let entries = "SELECT source_table, source_key, code, detail FROM backfill_quarantine ORDER BY source_key";
    let array = |entry: &Value| {
        json!([entry["source_table"], entry["source_key"], entry["code"], entry["detail"]])
    };
    database.rows(entries).iter().map(array).collect()
}

#[test]
fn positions_that_election_api_cannot_answer_about_leave_all_others_verified() {
    let (database, emulator) = world(60);
    let call = Call::PositionByBallotreadyId;
    let nameless = json!({"brPositionId": id(30), "state": "MI", "name": null});
    let district = json!({"id": "17", "L2DistrictType": "City", "L2DistrictName": "TECUMSEH"});
    let misnamed =
        json!({"brPositionId": id(31), "state": "MI", "name": "Boss", "district": district});
    for (number, fault) in [
        (1, status(500)),
        (20, Fault::Down),
        (29, status(400)),
        (30, text(&nameless)),
        (31, text(&misnamed)),
        (60, Fault::Truncated),
    ] {
        emulator.fail_about(call, &id(number), fault);
    }
    let report =
        run_positions(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.steps[0].refused), (41, 6), "{report:?}");
    assert_eq!(verified(&database), 54);
    let entries = in_quarantine(&database);
    let about =
        |number, why: &str| json!(["ballot_position", id(number), "position-unanswered", why]);
    assert_eq!(entries[0], about(1, "status 500"));
    assert_eq!(entries[1], about(20, "incomplete answer"));
    assert_eq!(entries[2], about(29, "status 400"));
    let incomplete = "the answer has no name or no state";
    assert_eq!(entries[3], json!(["ballot_position", id(30), "position-incomplete", incomplete]));
    let why = entries[4][3].as_str().unwrap();
    assert!(why.starts_with("GET /v1/positions/by-ballotready-id/{id}: the answer "), "{why}");
    assert_eq!(entries[5], about(60, "incomplete answer"));
    assert!(!json!(entries).to_string().contains("secret"), "{entries:?}");

    // Their campaigns are linked with their own data meanwhile.
    let report =
        run_organizations(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved);
    let report = report.unwrap();
    assert_eq!((report.exit_code, report.steps[0].changed), (41, 60), "{report:?}");

    for number in [20, 30] {
        let one = [id(number)];
        let only_one = Retry { keys: Some(&one), ..Retry::default() };
        assert_eq!(retry(&database, &emulator, only_one).left, 1, "nothing was fixed");
    }
    emulator.heal();
    let dry_run = retry(&database, &emulator, Retry { dry_run: true, ..Retry::default() });
    assert_eq!((dry_run.retried, in_quarantine(&database).len()), (6, 6));
    let retried = retry(&database, &emulator, Retry::default());
    assert_eq!((retried.retried, retried.left), (6, 0));
    assert_eq!((verified(&database), in_quarantine(&database).len()), (json!(60), 0));
    let again = run_positions(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved);
    assert_eq!(again.unwrap().exit_code, 0);
}

#[test]
fn a_district_that_election_api_cannot_answer_about_leaves_all_others_with_an_id() {
    let (database, emulator) = world(30);
    database.execute(
        "INSERT INTO path_to_victory (id, created_at, updated_at, campaign_id, data)
         SELECT id, '2026-01-01', '2026-01-02', id, jsonb_build_object('electionType', 'City', 'electionLocation',
             CASE id % 2 WHEN 0 THEN 'ADRIAN' ELSE 'CLINTON' END) FROM campaign",
    );
    emulator.fail_about(Call::DistrictsList, "ADRIAN", status(500));
    let options = options(&database);
    run_positions(&options, Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    let report = run_organizations(&options, Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.steps[0].refused), (41, 15), "{report:?}");
    let ids = "SELECT l2_district_name AS name, l2_district_id AS id, count(*) FROM campaign
        GROUP BY name, l2_district_id ORDER BY name";
    let rows = |adrian: Value| {
        [
            json!({"name": "ADRIAN", "id": adrian, "count": 15}),
            json!({"name": "CLINTON", "id": uuid(3), "count": 15}),
        ]
    };
    assert_eq!(database.rows(ids), rows(Value::Null));
    let expected =
        json!(["campaign", "10", "district-unanswered", "City / ADRIAN in MI: status 500"]);
    assert_eq!(in_quarantine(&database)[0], expected);
    emulator.heal();
    let by_code = Retry { code: Some("district-unanswered"), ..Retry::default() };
    let retried = retry(&database, &emulator, by_code);
    assert_eq!((retried.retried, retried.left), (15, 0));
    assert_eq!(database.rows(ids), rows(json!(uuid(2))));
}

#[test]
fn a_run_that_finds_election_api_down_keeps_its_progress_and_can_be_continued() {
    let (database, emulator) = world(500);
    let emulator = Arc::new(emulator);
    let breaking = std::thread::spawn({
        let (emulator, url) = (Arc::clone(&emulator), database.url());
        move || {
            let mut connection = winserve_persistence::connect(&url, "test").unwrap();
            let published = "SELECT FROM ballot_position OFFSET 199 LIMIT 1";
            let deadline = Instant::now() + Duration::from_secs(30);
            while diesel::sql_query(published).execute(&mut connection).unwrap() == 0 {
                assert!(Instant::now() < deadline, "no batch is published");
                std::thread::sleep(Duration::from_millis(1));
            }
            emulator.fail_always(Call::PositionByBallotreadyId, Fault::Down);
        }
    });
    // It pauses between batches.
    let options = Options { lease: Duration::from_secs(5), ..Options::new(&database.url()) };
    let stopped = run_positions(&options, Some(&look_ups(&emulator)), &mut Unobserved);
    breaking.join().unwrap();
    assert!(matches!(stopped, Err(RunError::Election(_))), "{stopped:?}");
    assert!(verified(&database).as_i64().unwrap() >= 200, "{}", verified(&database));
    assert!(in_quarantine(&database).is_empty(), "an outage is not the client's fault");
    emulator.heal();
    let asked = emulator.count(Call::PositionByBallotreadyId);
    let options = Options { stop: Stop::default(), ..options };
    let report = run_positions(&options, Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, verified(&database)), (0, json!(500)));
    assert!(emulator.count(Call::PositionByBallotreadyId) - asked <= 300);
    assert_eq!(database.row("SELECT count(*) FROM backfill_run")["count"], 1);
}

#[test]
fn a_run_stops_when_election_api_answers_about_too_few() {
    let (database, emulator) = world(420);
    for number in 1..=8 {
        emulator.fail_about(Call::PositionByBallotreadyId, &id(number), status(500));
    }
    let stopped = run_positions(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved);
    let Err(RunError::BudgetExceeded { refused, examined, last }) = stopped else {
        panic!("{stopped:?}")
    };
    assert!(refused == 8 && examined > 200, "{refused} of {examined}");
    assert!(last.contains("position-unanswered: status 500"), "{last}");
    emulator.heal();
    let report =
        run_positions(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, verified(&database)), (0, json!(420)));
}

#[test]
fn a_district_without_an_answer_counts_once_however_many_name_it() {
    let (database, emulator) = world(420);
    database.execute(
        "INSERT INTO path_to_victory (id, created_at, updated_at, campaign_id, data)
         SELECT id, '2026-01-01', '2026-01-02', id, '{\"electionType\": \"City\", \"electionLocation\": \"ADRIAN\"}'
         FROM campaign WHERE id <= 30",
    );
    emulator.fail_about(Call::DistrictsList, "ADRIAN", status(500));
    let look_ups = look_ups(&emulator);
    run_positions(&options(&database), Some(&look_ups), &mut Unobserved).unwrap();
    let report = run_organizations(&options(&database), Some(&look_ups), &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, report.steps[0].refused), (41, 30), "{report:?}");
}

fn asking(database: &TestDatabase, emulator: &ElectionEmulator) -> AskingAgain {
    AskingAgain { url: database.url(), election: client(emulator), stop: Stop::default() }
}

/// Unverified positions; election-api cannot answer about the first 25.
fn twenty_five_bad(positions: u32) -> (TestDatabase, ElectionEmulator) {
    let (database, emulator) = world(positions);
    run_positions(&options(&database), None, &mut Unobserved).unwrap();
    for number in 1..=25 {
        emulator.fail_about(Call::PositionByBallotreadyId, &id(number), status(500));
    }
    (database, emulator)
}

/// The part of a run's quarantine that concerns `quarantine retry`.
fn quarantine(database: &TestDatabase, code: &str, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        database.execute(&format!(
            "INSERT INTO backfill_quarantine (source_table, source_key, code, run_id)
             VALUES ('ballot_position', '{}', '{code}', '00000000-0000-0000-0000-000000000001')",
            id(number)
        ));
    }
}

#[test]
fn things_without_an_answer_in_a_row_are_no_outage_and_each_is_asked_about_once() {
    let (database, emulator) = twenty_five_bad(40);
    let report = ask_again(&asking(&database, &emulator)).unwrap();
    assert_eq!((report.known, report.unanswered, report.exit_code), (15, 25, 23), "{report:?}");
    assert_eq!(verified(&database), 15);
    emulator.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    let stopped = ask_again(&asking(&database, &emulator));
    assert!(matches!(stopped, Err(RunError::Election(_))), "{stopped:?}");
}

#[test]
fn an_answer_without_a_name_is_unknown_to_the_command_that_asks_at_once() {
    let (database, emulator) = world(3);
    run_positions(&options(&database), None, &mut Unobserved).unwrap();
    emulator.omit(&["name"]);
    let report = ask_again(&asking(&database, &emulator)).unwrap();
    assert_eq!((report.known, report.unknown, report.exit_code), (0, 3, 0), "{report:?}");
    assert_eq!(report.open["position"], 3);
}

#[test]
fn a_retry_asks_about_what_it_names_only_and_forgets_what_is_known_though_election_api_is_down() {
    let (database, emulator) = twenty_five_bad(26);
    quarantine(&database, "position-unanswered", 1..=26);
    let one = [id(26)];
    let asked = emulator.count(Call::PositionByBallotreadyId);
    let only_one = Retry { keys: Some(&one), ..Retry::default() };
    assert_eq!(retry(&database, &emulator, only_one).left, 0);
    assert_eq!(emulator.count(Call::PositionByBallotreadyId), asked + 1);

    assert_eq!(retry(&database, &emulator, Retry::default()).left, 25, "it is not an outage");
    database
        .execute(&format!("UPDATE ballot_position SET verified_at = now() WHERE id = '{}'", id(1)));
    emulator.fail_always(Call::PositionByBallotreadyId, Fault::Down);
    let all = Retry::default();
    let asking = asking(&database, &emulator);
    let stopped = retry_quarantine(&mut database.connect(), all, Some(&asking));
    assert!(matches!(stopped, Err(RunError::Election(_))), "{stopped:?}");
    assert_eq!(in_quarantine(&database).len(), 24, "one of them was verified meanwhile");
}

#[test]
fn a_run_without_election_api_keeps_what_that_did_not_answer_until_it_is_known() {
    let (database, _emulator) = world(3);
    let run = || run_positions(&options(&database), None, &mut Unobserved).unwrap().exit_code;
    run();
    quarantine(&database, "position-unanswered", 1..=2);
    quarantine(&database, "row-refused", 1..=3);
    assert_eq!(run(), 41);
    let codes = || -> Vec<Value> {
        in_quarantine(&database).iter().map(|it| json!([it[1], it[2]])).collect()
    };
    let left = |number| json!([id(number), "position-unanswered"]);
    assert_eq!(codes(), [left(1), left(2)]);
    database
        .execute(&format!("UPDATE ballot_position SET verified_at = now() WHERE id = '{}'", id(1)));
    assert_eq!(run(), 41);
    assert_eq!(codes(), [left(2)]);
}

#[test]
fn a_batch_that_is_prepared_again_loses_no_entry() {
    let (database, emulator) = world(4);
    database.execute("UPDATE campaign SET details = '{}' WHERE id = 4");
    run_positions(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
    database.execute(&format!(
        "UPDATE campaign SET details = jsonb_build_object('positionId', '{}') WHERE id = 4;
         CREATE SEQUENCE attempts;
         CREATE FUNCTION conflict_once() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('attempts') = 1 THEN
                 RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001';
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER conflict_once BEFORE UPDATE ON campaign FOR EACH ROW EXECUTE FUNCTION conflict_once()",
        id(4)
    ));
    emulator.fail_about(Call::PositionByBallotreadyId, &id(4), status(500));
    let report =
        run_organizations(&options(&database), Some(&look_ups(&emulator)), &mut Unobserved);
    database.execute("DROP TRIGGER conflict_once ON campaign");
    assert_eq!(report.unwrap().exit_code, 41);
    let about = json!(["ballot_position", id(4), "position-unanswered", "status 500"]);
    assert_eq!(in_quarantine(&database), [about]);
}

/// An election-api that requires tokens of our machine; Clerk issues them after failing this many times.
fn with_tokens(failures: u32) -> (TestDatabase, ElectionEmulator, LookUps, ClerkEmulator) {
    let (database, emulator) = world(3);
    let clerk = ClerkEmulator::start().unwrap();
    emulator.demand_tokens(&clerk);
    let failure = Action::Status { status: 500, code: "internal".to_owned() };
    let matches = Match::of("POST", "/v1/m2m_tokens");
    clerk.plan(Rule { times: Some(failures), ..Rule::always(matches, failure) });
    let secret = MachineSecret::Value(clerk.machine_secret().into());
    let tokens = MachineTokenOptions::new(&clerk.api_url(), secret);
    let tokens = MachineTokens::new(tokens, Arc::new(SystemClock)).unwrap();
    let options =
        ElectionApiOptions { tokens: Some(Arc::new(tokens)), ..ElectionApiOptions::default() };
    let client = ElectionApi::with_options(emulator.url(), Arc::new(SystemClock), options);
    (database, emulator, LookUps::new(Arc::new(client.unwrap())).unwrap(), clerk)
}

#[test]
fn clerk_that_gives_no_token_for_a_moment_ends_no_run() {
    for failures in [1, 2] {
        let (database, _emulator, look_ups, _clerk) = with_tokens(failures);
        let report = run_positions(&options(&database), Some(&look_ups), &mut Unobserved);
        assert_eq!((report.unwrap().exit_code, verified(&database)), (0, json!(3)), "{failures}");
    }
}

#[test]
fn the_folded_surface_quarantines_what_it_cannot_answer_about() {
    let (database, emulator) = world(4);
    // It knows positions only by election-api's own ids.
    database.execute(
        "UPDATE campaign SET details = details || jsonb_build_object('positionId',
             '0193f6a4-0000-4000-8000-' || lpad((1000 + id)::text, 12, '0')) WHERE id <= 3",
    );
    emulator.fail_about(Call::FoldedPosition, &uuid(1_002), status(500));
    let folded =
        ElectionApiOptions { surface: ElectionSurface::Folded, ..ElectionApiOptions::default() };
    let folded = ElectionApi::with_options(emulator.url(), Arc::new(SystemClock), folded).unwrap();
    let folded = LookUps::new(Arc::new(folded)).unwrap();
    let report = run_positions(&options(&database), Some(&folded), &mut Unobserved).unwrap();
    assert_eq!((report.exit_code, verified(&database)), (41, json!(2)), "{report:?}");
    let entries = in_quarantine(&database);
    assert_eq!(entries[0][1], uuid(1_002));
    assert_eq!((&entries[0][3], entries.len()), (&json!("status 500"), 2));
    let why = entries[1][3].as_str().unwrap();
    assert!(why.contains("a position by BallotReady's id"), "{why}");
}

#[test]
#[ignore = "three runs over three thousand positions; `make chaos`"]
fn chaos_one_of_three_thousand_positions_is_always_bad() {
    for (bad, fault) in
        [(1, status(500)), (1_500, Fault::Hang { ms: 60_000 }), (3_000, Fault::Down)]
    {
        let (database, emulator) = world(3_000);
        emulator.fail_about(Call::PositionByBallotreadyId, &id(bad), fault);
        let options = Options { workers: 3, ..options(&database) };
        let report = run_positions(&options, Some(&look_ups(&emulator)), &mut Unobserved).unwrap();
        assert_eq!((report.exit_code, verified(&database)), (41, json!(2_999)), "{bad}");
        assert_eq!(in_quarantine(&database).len(), 1, "{bad}");
        emulator.heal();
        assert_eq!(retry(&database, &emulator, Retry::default()).left, 0, "{bad}");
        assert_eq!(verified(&database), 3_000, "{bad}");
    }
}
