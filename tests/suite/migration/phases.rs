//! The phase row, its lock and its history, and a process that dies between the two writes.

use std::process::Stdio;

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_emulators::{ElectionEmulator, World};
use winserve_migration::Phase;
use winserve_migration::{
    migrate::{Group, pending_of},
    phase::{self, PhaseChange, PhaseError},
};
use winserve_testkit::{TestApp, TestDatabase};

use crate::{
    binaries::{
        Running, api, binary, blocked_statements, eventually, free_port, output, token,
        wait_for_a_blocked_statement, wait_until, wait_until_ready,
    },
    fixtures,
};

const MAYOR: &str = "Z2lkOi8vYmFsbG90LWZhY3RvcnkvUG9zaXRpb24vMjIwMDg1";

fn change(from: Phase, to: Phase) -> PhaseChange {
    PhaseChange {
        from,
        to,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: Vec::new(),
        silence: std::time::Duration::ZERO,
    }
}

fn pick() -> Value {
    json!({"details": {
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
    }})
}

#[test]
fn a_database_that_is_not_prepared_is_not_advanced() {
    let database = TestDatabase::new();
    let refused = phase::change(&mut database.connect(), &change(Phase::Legacy, Phase::One));
    assert!(matches!(refused, Err(PhaseError::NotExpanded)));
}

#[test]
fn a_change_is_refused_when_the_phase_is_another_already() {
    let database = TestDatabase::in_phase(Phase::One);
    let refused = phase::change(&mut database.connect(), &change(Phase::Legacy, Phase::One));
    assert!(matches!(refused, Err(PhaseError::Changed { found: Phase::One, .. })));
}

#[actix_web::test]
async fn a_running_server_follows_the_phase_there_and_back() {
    let app = TestApp::new(Phase::One).await;
    let mut connection = app.database.connect();
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    let linked = || app.database.row("SELECT position_id FROM campaign")["position_id"].clone();

    phase::change(&mut connection, &change(Phase::One, Phase::Legacy)).unwrap();
    assert_eq!(app.user(7).put("/v1/campaigns/mine", pick()).await.status, 200);
    assert_eq!(linked(), "custom:campaign:11", "the tables stay unchanged");

    phase::change(&mut connection, &change(Phase::Legacy, Phase::One)).unwrap();
    let other = json!({"details": {"positionId": null, "office": "Clerk", "otherOffice": ""}});
    assert_eq!(app.user(7).put("/v1/campaigns/mine", other).await.status, 200);
    assert_eq!(app.user(7).put("/v1/campaigns/mine", pick()).await.status, 200);
    assert_eq!(linked(), MAYOR);

    let history = phase::history(&mut connection).unwrap();
    let steps: Vec<_> =
        history.iter().map(|it| (it.from_phase.as_str(), it.to_phase.as_str())).collect();
    assert_eq!(steps, [("phase-1", "legacy"), ("legacy", "phase-1")]);
    assert_eq!((history[0].actor.as_str(), history[0].reason.as_str()), ("ann", "test"));
}

#[test]
fn a_change_waits_for_writers_and_gives_up_in_time() {
    let database = TestDatabase::in_phase(Phase::One);
    let mut writer = database.connect();
    writer
        .batch_execute(
            "SET application_name = 'old-writer'; BEGIN; SELECT migration_phase_for_writing()",
        )
        .unwrap();
    let refused = phase::change(&mut database.connect(), &change(Phase::One, Phase::Legacy));
    assert!(matches!(refused, Err(PhaseError::Busy { .. })), "{refused:?}");
    let sentence = refused.unwrap_err().to_string();
    assert!(sentence.contains("(application old-writer, user "), "{sentence}");

    let changing = std::thread::spawn({
        let mut connection = database.connect();
        move || phase::change(&mut connection, &change(Phase::One, Phase::Legacy))
    });
    wait_until("the change waits", || blocked_statements(&database) == 1);
    // A writer that arrives meanwhile waits, and then reads the new phase.
    let late = std::thread::spawn({
        let database = database.url();
        move || {
            let mut connection = winserve_persistence::connect(&database, "test").unwrap();
            phase::read_for_writing(&mut connection).unwrap()
        }
    });
    wait_until("the writer waits", || blocked_statements(&database) == 2);
    writer.batch_execute("COMMIT").unwrap();
    changing.join().unwrap().unwrap();
    assert_eq!(late.join().unwrap(), Phase::Legacy);
}

#[actix_web::test]
async fn a_writer_that_began_before_the_phase_row_keeps_the_phase_waiting() {
    let app = TestApp::new(Phase::Legacy).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    // The server has noticed that the phase row is missing.
    assert_eq!(app.user(7).get("/v1/campaigns/mine").await.status, 200);
    let mut holder = app.database.connect();
    holder.batch_execute("BEGIN; SELECT FROM campaign FOR UPDATE").unwrap();
    let client = app.user(7);
    let putting =
        actix_web::rt::spawn(async move { client.put("/v1/campaigns/mine", pick()).await });
    wait_for_a_blocked_statement(&app.database).await;
    // The relevant part of phase-1-expand, because the rest would wait for the campaign too.
    app.database.execute(include_str!(
        "../../../migrations/phase-1-expand/20261120000400_migration_phase/up.sql"
    ));
    let mut connection = app.database.connect();
    let pending = pending_of(&mut connection, Group::Phase1).unwrap();
    let versions: Vec<_> =
        pending.iter().map(|name| format!("('{}')", name.split('_').next().unwrap())).collect();
    let history = "INSERT INTO __diesel_schema_migrations (version) VALUES";
    connection.batch_execute(&format!("{history} {}", versions.join(", "))).unwrap();
    let refused = phase::change(&mut connection, &change(Phase::Legacy, Phase::One));
    assert!(matches!(refused, Err(PhaseError::Busy { .. })), "{refused:?}");
    holder.batch_execute("COMMIT").unwrap();
    assert_eq!(putting.await.unwrap().status, 200);
}

#[test]
fn going_back_names_what_the_former_phase_cannot_say() {
    let database = TestDatabase::in_phase(Phase::Three);
    database.expect_damage();
    // All the way back from phase 3, which allows offices without a campaign.
    database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-1'");
    let campaigns: Vec<_> = [11, 12, 13]
        .iter()
        .map(|id| format!("({id}, '2026-01-01', now(), 'slug-{id}', 7)"))
        .collect();
    database.execute_unmapped(&format!(
        "INSERT INTO \"user\" (id, updated_at, email) VALUES (7, now(), 'user7@example.org');
         INSERT INTO campaign (id, created_at, updated_at, slug, user_id) VALUES {}",
        campaigns.join(", ")
    ));
    // The old data already has two campaigns of the user; the third one came later.
    database.execute_unmapped(
        "UPDATE campaign SET created_at = '2026-02-01' WHERE id = 13;
         INSERT INTO migration_phase_history (from_phase, to_phase, actor, reason, at)
             VALUES ('legacy', 'phase-1', 'ann', 'test', '2026-01-15 12:00Z');
         INSERT INTO ballot_position (id, source) VALUES ('shared', 'ballot_ready');
         INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES
             ('without', now(), 7, NULL), ('moved', now(), 7, 11), ('same', now(), 7, 12);
         UPDATE elected_office SET position_id = 'shared' WHERE id = 'moved';
         INSERT INTO voter_file_filter (updated_at, campaign_id, organization_id, organization_type)
             SELECT now(), 11, organization_id, 'elected_office' FROM elected_office WHERE id = 'moved'",
    );
    let mut back = change(Phase::One, Phase::Legacy);
    let refused = phase::change(&mut database.connect(), &back).unwrap_err();
    let PhaseError::Losses { categories, again } = refused else { panic!("{refused:?}") };
    let expected = [
        ("offices-without-campaign", 1),
        ("offices-with-another-position", 1),
        ("office-filters", 1),
        ("second-campaigns", 1),
    ];
    assert_eq!(categories, expected);
    let names: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
    assert_eq!(again, format!("backfill phase back --accept {}", names.join(",")));
    back.accepted = vec!["typo".to_owned()];
    let unknown = phase::check(&mut database.connect(), &back);
    assert!(matches!(unknown, Err(PhaseError::UnknownCategory { .. })));
    back.accepted = categories.iter().map(|(name, _)| (*name).to_owned()).collect();
    phase::change(&mut database.connect(), &back).unwrap();
    assert_eq!(phase::read(&mut database.connect()).unwrap(), Phase::Legacy);
}

#[test]
fn the_command_advances_shows_and_goes_back() {
    let database = TestDatabase::new();
    let backfill = |words: &[&str]| {
        output(binary("backfill").env("WINSERVE__DATABASE__URL", database.url()).args(words))
    };
    let (code, stdout, _) = backfill(&["phase", "advance", "--json"]);
    assert_eq!(code, Some(10));
    assert!(stdout.contains("backfill migrate phase-1-expand"), "{stdout}");
    assert_eq!(backfill(&["migrate", "phase-1-expand"]).0, Some(0));
    let (_, stdout, _) = backfill(&["phase", "advance", "--dry-run"]);
    assert_eq!(
        stdout,
        "Would enter phase-1 (from legacy).\nNext: backfill phase advance --to phase-1\n"
    );
    assert_eq!(backfill(&["phase", "advance", "--to", "phase-9"]).0, Some(2));
    let advance = ["phase", "advance", "--to", "phase-1", "--actor", "ann", "--reason", "go"];
    assert_eq!(backfill(&advance).1, "Entered phase-1 (from legacy).\nNext: backfill plan\n");
    assert_eq!(backfill(&["phase", "advance"]).0, Some(10), "this build knows no phase beyond");
    let (_, stdout, _) = backfill(&["phase", "show", "--json"]);
    let shown: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&shown["phase"], &shown["history"][0]["actor"]),
        (&json!("phase-1"), &json!("ann"))
    );
    assert_eq!(backfill(&["migrate", "phase-1-expand", "--undo"]).0, Some(10));
    assert_eq!(backfill(&["phase", "back"]).0, Some(0));
    let (_, stdout, _) = backfill(&["phase", "show"]);
    let user = output(std::process::Command::new("id").arg("-un")).1;
    assert!(stdout.contains(user.trim()), "{stdout}");
    assert_eq!(backfill(&["phase", "back"]).0, Some(10));
    assert_eq!(backfill(&["migrate", "phase-1-expand", "--undo"]).0, Some(0));
}

#[actix_web::test]
async fn a_server_killed_between_the_two_writes_leaves_neither() {
    let database = TestDatabase::in_phase(Phase::One);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({"zip": "1"}), None);
    let before = database.row("SELECT * FROM campaign");
    let election = ElectionEmulator::start(World::demo()).unwrap();
    let bind = format!("127.0.0.1:{}", free_port());
    let mut api = api(&database, &bind)
        .env("WINSERVE__ELECTION_API__URL", election.url())
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;

    // The campaign's JSON is written by now; its voter goals, which come next, must wait.
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; LOCK TABLE path_to_victory IN SHARE MODE").unwrap();
    let request = winserve_testkit::http_client()
        .put(format!("{base}/v1/campaigns/mine"))
        .bearer_auth(token())
        .json(&pick())
        .send();
    let request = actix_web::rt::spawn(request);
    wait_for_a_blocked_statement(&database).await;
    api.signal("-KILL");
    api.0.wait().unwrap();
    assert!(request.await.unwrap().is_err(), "no client got a success");
    holder.batch_execute("COMMIT").unwrap();

    // The server notices the dead client when the statement ends.
    let left = "SELECT FROM pg_stat_activity WHERE application_name LIKE 'winserve-api/%' AND datname = current_database()";
    eventually("the server notices", || database.rows(left).is_empty()).await;
    assert_eq!(database.row("SELECT * FROM campaign"), before);
    assert!(database.rows("SELECT FROM path_to_victory").is_empty());
    assert!(database.rows("SELECT FROM ballot_position WHERE source = 'ballot_ready'").is_empty());
}
