//! The way into phase 3 and back: `migrate phase-3-expand`, the gates, what writes do to the JSON,
//! and how it gets office and district again.

use std::time::Duration;

use diesel::{RunQueryDsl as _, connection::SimpleConnection as _};
use serde_json::{Value, json};
use winserve_domain::{
    base::{CampaignId, Clock as _, SystemClock},
    campaigns::campaign_json::MOVED_PATH_TO_VICTORY,
};
use winserve_migration::{
    Phase, Stop,
    migrate::{Group, expand},
    phase::{self, PhaseChange, PhaseError},
    repair,
    sql::{enforce_phase_2, repair_campaign},
    verify,
};
use winserve_persistence::{PgConnection, connect};
use winserve_testkit::{TestApp, TestDatabase};

use super::phase_2::{gates, in_phase_2};
use crate::{
    binaries::{backfill, blocked_statements, output, wait_until},
    fixtures::{self, MAYOR},
    reports::json_of,
};

const UPDATED: &[&str] = &["other-services-updated"];
/// The JSON of each campaign.
const JSON: &str = "SELECT campaign.id, details, path_to_victory.data FROM campaign
    LEFT JOIN path_to_victory ON campaign_id = campaign.id ORDER BY campaign.id";

/// A database in phase 2, as the gates of phase 3 require it.
fn ready() -> TestDatabase {
    TestDatabase::copy_of("before_phase_3", Phase::One, || {
        let database = in_phase_2();
        let mut connection = database.connect();
        enforce_phase_2(&mut connection).unwrap();
        expand(&mut connection, Group::Phase3).unwrap();
        verify(&mut connection).unwrap();
        database
    })
}

pub(crate) fn in_phase_3() -> TestDatabase {
    let database = ready();
    enter(&mut database.connect(), UPDATED).unwrap();
    database
}

fn change(from: Phase, to: Phase, accepted: &[&str], silence: Duration) -> PhaseChange {
    PhaseChange {
        from,
        to,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: accepted.iter().map(ToString::to_string).collect(),
        silence,
    }
}

fn enter(connection: &mut PgConnection, accepted: &[&str]) -> Result<(), PhaseError> {
    phase::change(connection, &change(Phase::Two, Phase::Three, accepted, Duration::ZERO))
}

pub(crate) fn back(connection: &mut PgConnection, accepted: &[&str]) -> Result<(), PhaseError> {
    phase::change(connection, &change(Phase::Three, Phase::Two, accepted, Duration::ZERO))
}

#[test]
fn every_gate_of_phase_3_is_named_with_what_opens_it() {
    let database = in_phase_2();
    let mut connection = database.connect();
    let wanted = |connection: &mut PgConnection| gates(enter(connection, &[]));
    let unprepared = "the schema is not prepared: `backfill migrate phase-3-expand`";
    assert_eq!(wanted(&mut connection), [unprepared]);
    expand(&mut connection, Group::Phase3).unwrap();
    database.execute_unmapped(
        "UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id = 3;
         UPDATE backfill_run SET started_at = started_at - interval '2 h' WHERE job = 'verify';
         INSERT INTO process_heartbeat (process, build, phase, is_pinned, knows) VALUES
             ('01900000-0000-7000-8000-000000000001', '1', 'phase-1', false, '{phase-2,phase-3}'),
             ('01900000-0000-7000-8000-000000000002', '2', 'phase-2', false, '{phase-2}')",
    );
    let node = connect(&database.url(), "node").unwrap();
    let mut closed = wanted(&mut connection);
    let evidence = closed.pop().unwrap();
    assert_eq!(
        closed,
        [
            "saved filters without an organization may exist: `backfill enforce phase-2`",
            "another service changed 1 campaigns: `backfill repair`",
            "no clean verification of the last hour: `backfill verify`",
            "process 01900000-0000-7000-8000-000000000001 (build 1) is still running in phase-1",
            "process 01900000-0000-7000-8000-000000000002 (build 2) does not know phase-3",
        ]
    );
    assert!(evidence.contains("application node (1 sessions)"), "{evidence}");
    assert!(!evidence.contains("winserve-"), "{evidence}");
    assert!(evidence.contains("pg_stat_statements"), "{evidence}");
    assert!(evidence.ends_with(": `--accept other-services-updated`"), "{evidence}");
    drop(node);
    database.execute_unmapped("DELETE FROM process_heartbeat");
    repair(&mut connection, false, false, &Stop::default(), &SystemClock).unwrap();
    verify(&mut connection).unwrap();
    enforce_phase_2(&mut connection).unwrap();
    assert_eq!(wanted(&mut connection).len(), 1, "only the acceptance");
    enter(&mut connection, UPDATED).unwrap();
    let entry = phase::history(&mut connection).unwrap().pop().unwrap();
    assert_eq!((entry.to_phase.as_str(), entry.accepted), ("phase-3", vec![UPDATED[0].to_owned()]));
    assert!(entry.verified_by.is_some());
}

#[test]
fn phase_3_waits_until_other_services_have_been_silent() {
    let database = ready();
    let mut connection = database.connect();
    let hour = Duration::from_hours(1);
    let wanted = change(Phase::Two, Phase::Three, UPDATED, hour);
    let is_silent = |connection: &mut PgConnection| match phase::check(connection, &wanted) {
        Ok(_) => true,
        Err(PhaseError::NotReady { gates, next_steps }) => {
            assert_eq!(gates.len(), 1, "{gates:?}");
            assert!(gates[0].to_string().ends_with("has to be silent for 3600 s"), "{gates:?}");
            let again = "backfill phase advance --to phase-3 --silent-for 3600 \
                         --accept other-services-updated";
            assert_eq!(next_steps, [again]);
            false
        }
        Err(error) => panic!("{error}"),
    };
    assert!(!is_silent(&mut connection), "nobody knows what was before phase-3-expand");
    let two_hours_ago = "UPDATE legacy_change_lease SET last_change_at = now() - interval '2 h'";
    database.execute_unmapped(two_hours_ago);
    assert!(is_silent(&mut connection));
    // A change that is in the tables already is remembered.
    database.execute_unmapped(
        "UPDATE campaign SET details = details || '{\"state\": \"OH\"}' WHERE id = 3",
    );
    repair(&mut connection, false, false, &Stop::default(), &SystemClock).unwrap();
    assert!(database.rows("SELECT FROM legacy_change").is_empty());
    assert!(!is_silent(&mut connection));
    // So is one of a campaign that is deleted before it is in the tables.
    database.execute_unmapped(two_hours_ago);
    database.execute_unmapped(
        "UPDATE campaign SET details = details || '{\"state\": \"WY\"}' WHERE id = 4;
         DELETE FROM campaign WHERE id = 4",
    );
    assert!(database.rows("SELECT FROM legacy_change").is_empty());
    assert!(!is_silent(&mut connection));
    database.execute_unmapped(
        "UPDATE legacy_change_of_deleted SET changed_at = now() - interval '2 h'",
    );
    assert!(is_silent(&mut connection));
    // Our own writes are no change of another service.
    database.execute_unmapped(two_hours_ago);
    database.execute_unmapped(
        "BEGIN; SELECT migration_phase_for_writing();
         UPDATE campaign SET details = details || '{\"state\": \"MI\"}' WHERE id = 3; COMMIT",
    );
    assert!(is_silent(&mut connection));
}

/// `details` and voter goals, as stored.
fn stored(database: &TestDatabase, campaign: i32) -> (Value, Value) {
    let row = database.row(&format!(
        "SELECT details, path_to_victory.data FROM campaign LEFT JOIN path_to_victory ON campaign_id = campaign.id
         WHERE campaign.id = {campaign}"
    ));
    (row["details"].clone(), row["data"].clone())
}

/// A server in phase 3 on rows of the old service: a campaign with a shared position and one with a
/// typed-in office.
async fn serving() -> TestApp {
    let database = TestDatabase::in_phase(Phase::Two);
    database.expect_unmapped_rows();
    expand(&mut database.connect(), Group::Phase3).unwrap();
    fixtures::user(&database, 7, "candidate");
    fixtures::user(&database, 8, "candidate");
    fixtures::campaign(
        &database,
        11,
        7,
        &json!({"positionId": MAYOR, "office": "other", "otherOffice": "Burgomaster", "state": "mi",
                "city": "Tecumseh", "zip": "49286"}),
        Some(
            &json!({"electionType": "City", "electionLocation": "TECUMSEH CITY##", "winNumber": 3,
                     "districtManuallySet": true}),
        ),
    );
    fixtures::campaign(
        &database,
        12,
        8,
        &json!({"office": "Clerk", "state": "MI", "city": "Green Bay", "zip": "54301"}),
        None,
    );
    database.execute_unmapped("UPDATE migration_phase SET phase = 'phase-3'");
    TestApp::on(database).await
}

#[actix_web::test]
async fn a_write_in_phase_3_leaves_the_moved_keys_that_are_stored() {
    let app = serving().await;
    let (details, goals) = stored(&app.database, 11);
    let with = |before: &Value, changes: Value| {
        let mut after = before.clone();
        for (key, value) in changes.as_object().unwrap() {
            after[key] = value.clone();
        }
        after
    };
    let put = async |body: Value| {
        let answer = app.user(7).put("/v1/campaigns/mine", body).await;
        assert_eq!(answer.status, 200);
        answer.json()
    };
    let answer = put(json!({"details": {"occupation": "baker", "city": "Adrian"}})).await;
    assert_eq!(answer["details"]["city"], "Adrian");
    let details = with(&details, json!({"occupation": "baker", "city": "Adrian"}));
    assert_eq!(stored(&app.database, 11), (details.clone(), goals.clone()));

    let office =
        json!({"positionId": null, "office": "Dog Catcher", "otherOffice": "", "state": "OH"});
    let answer = put(json!({"details": office, "pathToVictory": {"winNumber": 4}})).await;
    assert_eq!(answer["details"]["office"], "Dog Catcher");
    assert_eq!(answer["details"]["city"], "Adrian");
    assert_eq!(answer["pathToVictory"]["data"].get("electionLocation"), None);
    let (mut after, after_goals) = stored(&app.database, 11);
    assert_eq!(after.get("city"), None, "the typed-in office has it in the tables");
    after["city"] = "Adrian".into();
    assert_eq!((after, after_goals), (details, with(&goals, json!({"winNumber": 4}))));

    // A typed-in office keeps its places as well.
    let (details, _) = stored(&app.database, 12);
    let change = json!({"details": {"city": "De Pere", "office": "Town Clerk", "zip": "54115"}});
    let answer = app.user(8).put("/v1/campaigns/mine", change).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["details"]["city"], "De Pere");
    assert_eq!(stored(&app.database, 12).0, with(&details, json!({"zip": "54115"})));
}

#[actix_web::test]
async fn a_write_after_the_keys_are_gone_adds_none() {
    let app = serving().await;
    app.database.execute_unmapped(
        "UPDATE campaign SET details = jsonb_build_object('zip', details -> 'zip');
         UPDATE path_to_victory SET data = '{\"winNumber\": 3}'",
    );
    let office = json!({"positionId": null, "office": "Dog Catcher", "otherOffice": "", "state": "OH",
                        "city": "Adrian", "occupation": "baker"});
    let answer = app.user(7).put("/v1/campaigns/mine", json!({"details": office})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["details"]["office"], "Dog Catcher");
    let district = json!({"L2DistrictType": "City", "L2DistrictName": "ADRIAN CITY"});
    let set = app.user(8).put("/v1/campaigns/mine/district", district).await;
    assert_eq!(set.status, 200);
    let (details, goals) = stored(&app.database, 11);
    assert_eq!(details, json!({"zip": "49286", "occupation": "baker"}));
    assert_eq!(goals, json!({"winNumber": 3}));
    let (details, goals) = stored(&app.database, 12);
    assert_eq!(details, json!({"zip": "54301"}));
    assert!(goals.is_object());
    assert!(MOVED_PATH_TO_VICTORY.iter().all(|key| goals.get(key).is_none()), "{goals}");
    let shown = app.user(8).get("/v1/campaigns/mine").await.json();
    assert_eq!(shown["pathToVictory"]["data"]["electionLocation"], "ADRIAN CITY");
}

#[actix_web::test]
async fn going_back_writes_to_the_json_what_changed_in_phase_3() {
    let database = in_phase_3();
    let before = database.rows(JSON);
    let app = TestApp::on(database).await;
    let pick = json!({"details": {
        "positionId": MAYOR, "office": "Other", "otherOffice": "Tecumseh City Mayor", "state": "MI",
    }});
    let answer = app.user_of_campaign(7, 3).put("/v1/campaigns/mine", pick.clone()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(stored(&app.database, 3).0, before[2]["details"]);

    let mut connection = app.database.connect();
    let report = verify(&mut connection).unwrap();
    assert_eq!(report.defects(), 0, "the JSON says nothing in phase 3: {report:?}");
    back(&mut connection, &[]).unwrap();
    for (before, after) in before.iter().zip(app.database.rows(JSON)) {
        if before["id"] == 3 {
            assert_eq!(after["details"]["positionId"], MAYOR);
            assert_eq!(after["details"]["office"], "Other");
            assert_eq!(after["data"]["electionLocation"], "TECUMSEH CITY");
        } else {
            assert_eq!(*before, after);
        }
    }
    assert_eq!(verify(&mut connection).unwrap().defects(), 0);
    assert!(app.database.rows("SELECT FROM legacy_change").is_empty());
    enter(&mut connection, UPDATED).unwrap();
}

/// The moment after the JSON was compared, and before writers wait: `change` runs in it.
fn while_the_json_is_rewritten(database: &TestDatabase, change: &str) {
    let (mut holder, mut writer) = (database.connect(), database.connect());
    // A row that has to be rewritten, held by somebody whom the phase does not wait for.
    database.execute_unmapped(
        "UPDATE campaign SET l2_district_type = 'City', l2_district_name = 'TECUMSEH CITY',
             district_manually_set = true WHERE id = 3",
    );
    holder.batch_execute("BEGIN; SELECT FROM campaign WHERE id = 3 FOR UPDATE").unwrap();
    let mut connection = database.connect();
    let going = std::thread::spawn(move || back(&mut connection, &[]));
    wait_until("the rewrite waits for a row", || blocked_statements(database) > 0);
    writer
        .batch_execute(&format!("BEGIN; SELECT migration_phase_for_writing(); {change}"))
        .unwrap();
    holder.batch_execute("COMMIT").unwrap();
    let waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_until("the phase waits for the writer", || !database.rows(waits).is_empty());
    writer.batch_execute("COMMIT").unwrap();
    going.join().unwrap().unwrap();
    assert_eq!(verify(&mut database.connect()).unwrap().defects(), 0);
}

#[test]
fn what_changes_while_the_json_is_rewritten_is_rewritten_under_the_lock() {
    let database = in_phase_3();
    while_the_json_is_rewritten(
        &database,
        "UPDATE campaign SET l2_district_type = 'City', l2_district_name = 'ADRIAN CITY',
             district_manually_set = true WHERE id = 5",
    );
    let (_, goals) = stored(&database, 5);
    let district = json!({
        "electionType": "City", "electionLocation": "ADRIAN CITY", "districtManuallySet": true,
    });
    assert_eq!(goals, district);
}

#[test]
fn voter_goals_that_are_deleted_while_the_json_is_rewritten_are_created_again() {
    let database = in_phase_3();
    database.execute_unmapped(
        "UPDATE campaign SET l2_district_type = 'City', l2_district_name = 'ADRIAN CITY',
             district_manually_set = true WHERE id = 5;
         DELETE FROM path_to_victory WHERE campaign_id = 5;
         INSERT INTO path_to_victory (campaign_id, updated_at, data) VALUES (5, now(),
             '{\"electionType\": \"City\", \"electionLocation\": \"ADRIAN CITY\", \"districtManuallySet\": true}');
         DELETE FROM legacy_change",
    );
    while_the_json_is_rewritten(&database, "DELETE FROM path_to_victory WHERE campaign_id = 5");
    let (_, goals) = stored(&database, 5);
    assert_eq!(goals["electionLocation"], "ADRIAN CITY");
}

#[test]
fn a_refused_way_back_has_not_touched_the_json() {
    let database = in_phase_3();
    database.execute_unmapped(
        "UPDATE campaign SET l2_district_type = 'City', l2_district_name = 'ADRIAN CITY',
             district_manually_set = true WHERE id = 5",
    );
    let before = database.rows(JSON);
    let mut writer = database.connect();
    writer.batch_execute("BEGIN; SELECT migration_phase_for_writing()").unwrap();
    let refused = back(&mut database.connect(), &[]).unwrap_err();
    assert!(matches!(refused, PhaseError::Busy { holder: Some(_), .. }), "{refused:?}");
    assert_eq!(database.rows(JSON), before);
    writer.batch_execute("COMMIT").unwrap();
    back(&mut database.connect(), &[]).unwrap();
    assert_ne!(database.rows(JSON), before);
}

#[test]
fn there_is_no_way_back_without_the_columns_of_the_old_service() {
    let database = in_phase_3();
    database.execute_unmapped(
        "SET winserve.writer = 'winserve'; ALTER TABLE elected_office DROP COLUMN campaign_id CASCADE",
    );
    let before = database.rows(JSON);
    let mut connection = database.connect();
    let refused = back(&mut connection, &[]).unwrap_err();
    assert!(matches!(refused, PhaseError::NoWayBack), "{refused:?}");
    assert_eq!(refused.next_steps(), ["backfill plan"]);

    assert_eq!(phase::read(&mut connection).unwrap(), Phase::Three);
    assert_eq!(database.rows(JSON), before);
}

#[test]
fn a_repair_that_is_late_copies_nothing_from_the_outdated_json() {
    let database = in_phase_3();
    let stored = "SELECT position_id, l2_district_name FROM campaign ORDER BY id";
    let before = database.rows(stored);
    database.execute_unmapped(
        "UPDATE campaign SET details = '{\"office\": \"Other\", \"otherOffice\": \"Old\"}'",
    );
    let id = database.row("SELECT min(id) AS id FROM campaign")["id"].as_i64().unwrap();
    let id = CampaignId(id.try_into().unwrap());
    let noted = database.rows("SELECT campaign_id FROM legacy_change");
    assert!(!noted.is_empty());
    let is_whole = repair_campaign(&mut database.connect(), id, SystemClock.now()).unwrap();
    assert!(!is_whole);
    assert_eq!(database.rows(stored), before);
    assert_eq!(database.rows("SELECT campaign_id FROM legacy_change"), noted);
}

#[test]
fn going_back_waits_for_a_clean_that_has_begun() {
    let database = in_phase_3();
    database.execute_unmapped(
        "INSERT INTO backfill_run (id, job) VALUES ('01900000-0000-7000-8000-000000000009', 'clean')",
    );
    let refused = gates(back(&mut database.connect(), &[]));
    assert_eq!(
        refused,
        ["`clean` moved office and district from the JSON to the archive: `backfill restore`"]
    );
}

#[test]
fn a_migrator_without_rights_on_statistics_sees_the_sessions_of_others() {
    let database = ready();
    let role = database.role("migrator");
    let _node = connect(&database.url(), "node").unwrap();
    let evidence = phase::evidence(&mut database.connect_as(&role)).unwrap().to_string();
    assert!(evidence.contains("node"), "{evidence}");
    assert!(evidence.contains("not readable"), "{evidence}");
}

/// A database with `pg_stat_statements`, as far as its server has it, and a connection that takes it for
/// loaded.
fn with_statistics(database: &TestDatabase) -> Option<PgConnection> {
    let available = "SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements'";
    if database.rows(available).is_empty() {
        return None;
    }
    let mut connection = database.connect();
    connection
        .batch_execute("CREATE EXTENSION pg_stat_statements; SET pg_stat_statements.max = '100'")
        .unwrap();
    Some(connection)
}

/// A table with the columns of the extension's view in its place: the test server does not load it.
const IN_PLACE: &str = "CREATE TABLE sent AS TABLE pg_stat_statements WITH NO DATA;
    ALTER EXTENSION pg_stat_statements DROP VIEW pg_stat_statements;
    DROP VIEW pg_stat_statements;
    ALTER TABLE sent RENAME TO pg_stat_statements";

#[test]
fn statements_that_name_a_moved_key_or_a_dropped_column_are_evidence() {
    let database = ready();
    let role = database.role("node");
    let evidence = phase::evidence(&mut database.connect()).unwrap();
    assert_eq!(evidence.statements, None);
    let Some(mut connection) = with_statistics(&database) else { return };
    let evidence = phase::evidence(&mut connection).unwrap();
    assert_eq!(evidence.statements, None, "the server has not loaded the extension");
    assert!(evidence.to_string().contains("pg_stat_statements is not readable"), "{evidence}");

    connection.batch_execute(IN_PLACE).unwrap();
    let evidence = phase::evidence(&mut connection).unwrap();
    assert_eq!(evidence.statements, Some(Vec::new()));
    assert!(evidence.to_string().contains("has no statement that names one"), "{evidence}");
    for (number, text) in [
        "SELECT details ->> 'positionId' FROM campaign",
        "SELECT details -> 'city'\n FROM campaign",
        "SELECT campaign_id FROM elected_office",
        "SELECT city, slug FROM campaign",
        "SELECT campaign_id FROM path_to_victory",
    ]
    .iter()
    .enumerate()
    {
        diesel::sql_query(format!(
            "INSERT INTO pg_stat_statements (userid, dbid, query, calls)
             SELECT pg_roles.oid, pg_database.oid, $1, {} FROM pg_roles, pg_database
             WHERE datname = current_database() AND rolname = '{role}'",
            10 - number
        ))
        .bind::<diesel::sql_types::Text, _>(text)
        .execute(&mut connection)
        .unwrap();
    }
    let evidence = phase::evidence(&mut connection).unwrap();
    let found: Vec<_> = evidence
        .statements
        .as_deref()
        .unwrap()
        .iter()
        .map(|it| (it.text.as_str(), it.calls))
        .collect();
    let expected = [
        ("SELECT details ->> 'positionId' FROM campaign", 10),
        ("SELECT details -> 'city' FROM campaign", 9),
        ("SELECT campaign_id FROM elected_office", 8),
    ];
    assert_eq!(found, expected);
    let said = format!("SELECT campaign_id FROM elected_office (role {role}, 8 calls)");
    assert!(evidence.to_string().contains(&said), "{evidence}");
}

#[test]
fn statistics_that_fail_are_no_silence() {
    let database = ready();
    let Some(mut connection) = with_statistics(&database) else { return };
    connection.batch_execute(IN_PLACE).unwrap();
    connection.batch_execute("ALTER TABLE pg_stat_statements DROP COLUMN calls").unwrap();
    let failed = phase::evidence(&mut connection).unwrap_err();
    assert!(failed.to_string().contains("calls"), "{failed}");
}

#[test]
fn going_back_names_what_the_old_service_cannot_read() {
    let database = in_phase_3();
    database.execute_unmapped(
        "INSERT INTO elected_office (id, updated_at, user_id) VALUES ('o-1', now(), 7);
         INSERT INTO campaign (id, updated_at, slug, user_id) VALUES (99, now(), 'slug-99', 7)",
    );
    let mut connection = database.connect();
    let refused = back(&mut connection, &[]).unwrap_err();
    let PhaseError::Losses { categories, again } = refused else { panic!("{refused:?}") };
    assert_eq!(categories, [("offices-without-campaign", 1), ("second-campaigns", 1)]);
    let names = "offices-without-campaign,second-campaigns";
    assert_eq!(again, format!("backfill phase back --accept {names}"));
    back(&mut connection, &names.split(',').collect::<Vec<_>>()).unwrap();
    assert_eq!(phase::read(&mut connection).unwrap(), Phase::Two);
}

#[test]
fn the_commands_enter_and_leave_phase_3() {
    let database = ready();
    let run = |words: &[&str]| output(backfill(&database).args(words));
    assert_eq!(run(&["migrate", "phase-3-expand", "--undo"]).0, Some(0));
    let (code, plan) = json_of(&database, &["plan"]);
    let expand_3 = json!(["backfill migrate phase-3-expand"]);
    assert_eq!((code, &plan["next_steps"]), (Some(0), &expand_3));
    let (_, pending) = json_of(&database, &["migrate", "phase-3-expand", "--dry-run"]);
    let (_, applied) = json_of(&database, &["migrate", "phase-3-expand"]);
    assert_eq!(pending["migrations"], applied["migrations"]);
    let (code, stdout, stderr) = run(&["phase", "advance"]);
    assert_eq!((code, stdout.as_str()), (Some(10), ""));
    let next = "Next: backfill phase advance --to phase-3 --accept other-services-updated";
    assert!(stderr.contains(next), "{stderr}");
    let accept = ["phase", "advance", "--accept", "other-services-updated"];
    let (code, report) = json_of(&database, &[&accept[..], &["--dry-run"]].concat());
    assert_eq!((code, &report["outcome"]), (Some(0), &json!("would_enter")));
    assert!(report["evidence"]["connected"].is_array(), "{report}");
    assert_eq!(run(&accept).0, Some(0));
    let (_, plan) = json_of(&database, &["plan"]);
    assert_eq!(plan["phase"], "phase-3");
    assert_eq!(run(&["migrate", "phase-3-expand", "--undo"]).0, Some(10));
    assert_eq!(run(&["phase", "back", "--silent-for", "1"]).0, Some(2));
    let (code, report) = json_of(&database, &["phase", "back"]);
    assert_eq!((code, &report["to"]), (Some(0), &json!("phase-2")));
}
