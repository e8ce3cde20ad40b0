//! The answers do not depend on the session defaults of a database or role (docs/postgresql.md).

use std::error::Error;

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_migration::Phase;
use winserve_migration::{
    phase::{self, PhaseChange},
    verify, verify_read_only,
};
use winserve_persistence::{connect, is_about_hidden_rows};
use winserve_testkit::{Custom, TestApp, TestDatabase};

use super::backfill_run::finish;
use crate::{
    api::session_defaults::{defaults, set_defaults},
    binaries::{backfill, output, wait_for_a_blocked_statement},
    fixtures::{self, COUNCIL, MAYOR},
};

/// User 7 with campaign 11, in phase 1.
pub(crate) fn prepared() -> TestDatabase {
    TestDatabase::copy_of("one_campaign", Phase::One, || {
        let database = TestDatabase::in_phase(Phase::One);
        fixtures::user(&database, 7, "candidate");
        let office = json!({"office": "Dog Catcher", "state": "MI"});
        fixtures::campaign(&database, 11, 7, &office, None);
        finish(&database);
        database
    })
}

/// What clients and engineers see with these database defaults: picks and wins an office, reads everything, changes
/// the phase back and forth, and compares both stores.
pub(crate) async fn contract_core(
    database: TestDatabase,
    custom: Custom,
    defaults: &[(&str, &str, &str)],
) -> Vec<Value> {
    let mut admin = database.connect();
    let name = set_defaults(&mut admin, &database, defaults);
    let app = TestApp::custom_on(database, custom).await;
    let mut seen = Vec::new();
    let pick = |position: &str, office: &str, state: &str| {
        json!({"details": {
            "positionId": position, "office": "Other", "otherOffice": office, "state": state, "note": "5\\' \u{e9}",
        }})
    };
    let mayor = pick(MAYOR, "Tecumseh City Mayor", "MI");
    seen.push(app.user(7).put("/v1/campaigns/mine", mayor).await);
    let won = json!({"electedDate": "2024-11-05", "swornInDate": "2025-01-06"});
    seen.push(app.user(7).post("/v1/elected-office", won).await);
    for path in ["/v1/campaigns/mine", "/v1/elected-office/current", "/v1/organizations", "/readyz"]
    {
        seen.push(app.user(7).get(path).await);
    }
    let url = app.database.url();
    for (from, to) in [(Phase::One, Phase::Legacy), (Phase::Legacy, Phase::One)] {
        let change = PhaseChange {
            from,
            to,
            actor: "ann".into(),
            reason: "test".into(),
            accepted: vec![],
            silence: std::time::Duration::ZERO,
        };
        phase::change(&mut connect(&url, "test").unwrap(), &change).unwrap();
        let council = pick(COUNCIL, "Cheyenne City Council - Ward 1", "WY");
        seen.push(app.user(7).put("/v1/campaigns/mine", council).await);
    }
    seen.push(app.user(7).get("/v1/campaigns/mine").await);
    finish(&app.database);
    let mut answers: Vec<Value> = seen
        .iter()
        .map(|answer| json!({"status": answer.status.as_u16(), "body": answer.json()}))
        .collect();
    let verified = verify(&mut connect(&url, "test").unwrap()).unwrap();
    answers.push(json!(verified.defects()));
    admin.batch_execute(&format!("ALTER DATABASE {name} RESET ALL")).unwrap();
    answers.iter_mut().for_each(forget_ids);
    answers
}

/// Generated ids and times.
fn forget_ids(value: &mut Value) {
    match value {
        Value::String(text) if uuid::Uuid::parse_str(text).is_ok() => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(forget_ids),
        Value::Object(fields) => fields.values_mut().for_each(forget_ids),
        _ => {}
    }
}

#[actix_web::test]
async fn the_contract_is_the_same_whatever_the_defaults_of_sessions_are() {
    let plain = contract_core(prepared(), Custom::default(), &[]).await;
    assert_eq!(plain.last(), Some(&json!(0)), "no defects");
    let database = slow();
    let mut every = defaults(&database);
    every.retain(|(_, value, _)| *value != "repeatable read");
    let set = contract_core(database, Custom::default(), &every).await;
    assert_eq!(set, plain);
}

#[actix_web::test]
#[ignore = "takes half a minute: make chaos"]
async fn chaos_the_contract_is_the_same_under_each_default_of_sessions() {
    let plain = contract_core(prepared(), Custom::default(), &[]).await;
    for default in defaults(&prepared()) {
        let set = contract_core(slow(), Custom::default(), &[default]).await;
        assert_eq!(set, plain, "{default:?}");
    }
}

/// [`prepared`], and an update of a campaign takes longer than the defaults allow.
fn slow() -> TestDatabase {
    let database = prepared();
    database.execute_unmapped(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END';
         CREATE TRIGGER dawdle BEFORE UPDATE ON campaign FOR EACH ROW EXECUTE FUNCTION dawdle()",
    );
    database
}

pub(crate) const ISOLATIONS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

pub(crate) fn set_isolation(database: &TestDatabase, isolation: &str) {
    let name = database.row("SELECT current_database()::text AS name")["name"].clone();
    database.execute_unmapped(&format!(
        "ALTER DATABASE {} SET default_transaction_isolation = '{isolation}'",
        name.as_str().unwrap()
    ));
}

/// A user picks an office while the phase goes back to `legacy`, which does not write the tables.
pub(crate) async fn write_while_the_phase_changes(app: &TestApp) {
    let mut changing = app.database.connect();
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7746532103)";
    changing.batch_execute(begin).unwrap();
    let client = app.user(7);
    let pick = json!({"details": {"positionId": MAYOR, "office": "Other", "otherOffice": "Mayor"}});
    let putting = actix_web::rt::spawn(async move { client.put("/v1/campaigns/mine", pick).await });
    wait_for_a_blocked_statement(&app.database).await;
    changing.batch_execute("UPDATE migration_phase SET phase = 'legacy'; COMMIT").unwrap();
    assert_eq!(putting.await.unwrap().status, 200);
    let written = app.database.row("SELECT position_id FROM campaign");
    assert_eq!(written["position_id"], "custom:campaign:11", "the tables stay unchanged");
    app.database.expect_damage(); // The two stores differ now, as in `legacy`.
}

/// With a snapshot taken before the lock, the writer would read the old phase.
#[actix_web::test]
async fn a_writer_that_waits_for_the_phase_writes_in_the_new_one_under_every_isolation() {
    for isolation in ISOLATIONS {
        let database = prepared();
        set_isolation(&database, isolation);
        write_while_the_phase_changes(&TestApp::on(database).await).await;
    }
}

/// `backfill` exits with 10 and says how to fix it.
fn assert_refused_with(database: &TestDatabase, role: &str, texts: &[&str]) {
    let mut tool = backfill(database);
    tool.env("WINSERVE__DATABASE__URL", database.url_as(role)).arg("status");
    let (code, stdout, stderr) = output(&mut tool);
    assert_eq!((code, stdout.as_str()), (Some(10), ""), "{stderr}");
    for text in texts {
        assert!(stderr.contains(text), "{text}: {stderr}");
    }
}

#[test]
fn backfill_refuses_a_role_whose_sessions_would_run_no_triggers_and_says_what_helps() {
    let database = TestDatabase::new();
    let role = database.role("replica");
    database.execute_unmapped(&format!("ALTER ROLE {role} SET session_replication_role = replica"));
    assert_refused_with(
        &database,
        &role,
        &[
            &format!("ALTER ROLE {role} RESET session_replication_role"),
            &format!("GRANT SET ON PARAMETER session_replication_role TO {role}"),
        ],
    );
}

#[test]
fn backfill_refuses_a_role_whose_server_speaks_another_language_and_says_what_helps() {
    let database = TestDatabase::new();
    let role = database.role("german");
    database.execute_unmapped(&format!(
        "CREATE SCHEMA german;
         GRANT USAGE ON SCHEMA german TO {role};
         CREATE FUNCTION german.current_setting(name text) RETURNS text LANGUAGE sql AS $$
             SELECT CASE name WHEN 'lc_messages' THEN 'de_DE.UTF-8' ELSE pg_catalog.current_setting(name) END
         $$;
         ALTER ROLE {role} SET search_path = german, pg_catalog, public"
    ));
    assert_refused_with(&database, &role, &[&format!("ALTER ROLE {role} SET lc_messages = 'C'")]);
}

/// A role that may read everything, except for campaigns that a policy hides from it.
fn hidden() -> (TestDatabase, String) {
    let database = prepared();
    let role = database.role("reader");
    database.execute_unmapped(&format!(
        "GRANT pg_read_all_data, pg_write_all_data TO {role};
         CREATE POLICY few ON campaign USING (id < 5)"
    ));
    (database, role)
}

const HIDE: &str = "ALTER TABLE campaign ENABLE ROW LEVEL SECURITY";

#[test]
fn backfill_refuses_a_role_that_rows_are_hidden_from() {
    let (database, role) = hidden();
    database.execute_unmapped(HIDE);
    for command in [&["verify", "--dry-run"][..], &["status"], &["run", "organizations"]] {
        let mut tool = backfill(&database);
        tool.env("WINSERVE__DATABASE__URL", database.url_as(&role)).args(command);
        let (code, stdout, stderr) = output(&mut tool);
        assert_eq!((code, stdout.as_str()), (Some(10), ""), "{command:?}: {stderr}");
        for text in ["campaign", &role, "BYPASSRLS"] {
            assert!(stderr.contains(text), "{stderr}");
        }
    }
}

fn tells_of_hidden_rows(error: &(dyn Error + 'static)) -> bool {
    is_about_hidden_rows(error) || error.source().is_some_and(tells_of_hidden_rows)
}

#[test]
fn rows_that_are_hidden_while_the_tool_works_fail_it() {
    let (database, role) = hidden();
    let mut connection = connect(&database.url_as(&role), "test").unwrap();
    assert_eq!(verify_read_only(&mut connection).unwrap().defects(), 0);
    database.execute_unmapped(HIDE);
    let refused = verify_read_only(&mut connection).unwrap_err();
    assert!(tells_of_hidden_rows(&refused), "{refused:?}");
}
