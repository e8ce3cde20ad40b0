//! `backfill` explains a failed connection or a refused statement, and prints the next step.

use std::process::Command;

use diesel::{Connection as _, PgConnection, connection::SimpleConnection as _};
use serde_json::json;
use winserve_migration::Phase;
use winserve_testkit::{TestApp, TestCluster, TestDatabase};

use crate::{
    api::several_hosts::with_a_host_that_is_away,
    binaries::{api, backfill, binary, output, wait_until},
    fixtures,
};

/// Exit code and standard error of `backfill status` on a URL.
fn status(url: &str) -> (Option<i32>, String) {
    let (code, stdout, stderr) =
        output(binary("backfill").arg("status").env("WINSERVE__DATABASE__URL", url));
    assert!(!format!("{stdout}{stderr}").contains("s3cret"), "{stdout}{stderr}");
    (code, stderr)
}

fn assert_refused(url: &str, expected: i32, sentence: &str) {
    let (code, stderr) = status(url);
    assert_eq!(code, Some(expected), "{stderr}");
    assert!(stderr.contains(sentence), "{stderr}");
}

#[test]
fn a_tool_that_is_refused_says_why_and_whether_to_try_again() {
    let database = TestDatabase::new();
    let role = database.role("limited");
    let url = database.url_as(&role);
    database.execute(&format!("ALTER ROLE {role} CONNECTION LIMIT 0"));
    assert_refused(&url, 30, "raise its limit with ALTER ROLE … CONNECTION LIMIT");
    database.execute(&format!("ALTER ROLE {role} CONNECTION LIMIT -1 NOLOGIN"));
    assert_refused(&url, 2, "does not exist or may not log in");
    assert_refused(&database.url_as("nobody_of_that_name"), 2, "does not exist or may not log in");
    database.execute(&format!("ALTER ROLE {role} LOGIN"));
    let (address, query) = url.split_once('?').unwrap();
    assert_refused(&format!("{address}x?{query}"), 2, "has no such database");
    assert_refused(&format!("{url}&sslmode=require"), 2, "make system-libpq");
    assert_refused("postgresql://me:s3cret@127.0.0.1:1/x", 30, "no server answers");
    database.execute(
        "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$",
    );
    assert_refused(&url, 2, "GRANT CONNECT ON DATABASE");
}

#[test]
fn passwords_entries_and_the_limit_of_the_server_are_distinguished() {
    let cluster = TestCluster::start();
    let mut admin = PgConnection::establish(&cluster.url()).unwrap();
    admin
        .batch_execute(
            "CREATE ROLE me LOGIN PASSWORD 'another'; CREATE ROLE stranger LOGIN; CREATE ROLE friend LOGIN;
             DO $$ BEGIN EXECUTE format('COPY (SELECT unnest(ARRAY[%L, %L, %L])) TO %L',
                 'local all me scram-sha-256', 'local all winserve trust', 'local all friend trust',
                 current_setting('hba_file')); END $$;
             SELECT pg_reload_conf()",
        )
        .unwrap();
    let url = |user: &str| cluster.url().replace("user=winserve", &format!("user={user}"));
    // The server reads its file a little later.
    wait_until("strangers are refused", || PgConnection::establish(&url("stranger")).is_err());
    assert_refused(&url("me&password=s3cret"), 2, "does not accept this user or password");
    assert_refused(&url("me"), 2, "does not accept this user or password");
    assert_refused(&url("stranger"), 2, "pg_hba.conf on the server does not allow");
    let taken: Vec<_> = std::iter::repeat_with(|| PgConnection::establish(&url("friend")))
        .map_while(Result::ok)
        .collect();
    assert!(taken.len() > 100, "{} connections", taken.len());
    assert_refused(&url("friend"), 30, "has reached its connection limit");
}

#[test]
fn a_host_that_is_away_is_passed_over() {
    let (code, stderr) = status(&with_a_host_that_is_away(&TestDatabase::new()));
    assert_eq!(code, Some(0), "{stderr}");
}

/// Not every machine has an old server, so a function first in the role's search path reports an old version.
/// `scripts/postgres-versions` uses a real one.
#[test]
fn a_server_that_is_too_old_is_refused_before_anything_is_changed() {
    let database = TestDatabase::new();
    let role = database.role("old");
    database.execute(&format!(
        "CREATE SCHEMA old;
         GRANT USAGE ON SCHEMA old TO {role};
         CREATE FUNCTION old.current_setting(name text) RETURNS text LANGUAGE sql AS $$
             SELECT CASE name WHEN 'server_version_num' THEN '130023' WHEN 'server_version' THEN '13.23'
                 ELSE pg_catalog.current_setting(name) END
         $$;
         ALTER ROLE {role} SET search_path = old, pg_catalog, public"
    ));
    for arguments in [&["migrate", "phase-1-expand"][..], &["status"]] {
        let mut command = backfill(&database);
        command.args(arguments).env("WINSERVE__DATABASE__URL", database.url_as(&role));
        let (code, _, stderr) = output(&mut command);
        assert_eq!(code, Some(10), "{stderr}");
        assert!(
            stderr.contains("PostgreSQL 13.23; 14 is the oldest supported version"),
            "{stderr}"
        );
    }
    let mut server = api(&database, "127.0.0.1:0");
    let (code, _, stderr) = output(server.env("WINSERVE__DATABASE__URL", database.url_as(&role)));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("14 is the oldest supported version"), "{stderr}");
}

#[test]
fn a_database_that_a_newer_build_has_migrated_is_refused() {
    let database = TestDatabase::in_phase(Phase::One);
    database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
    for arguments in [&["migrate", "phase-2-expand"][..], &["run", "positions"], &["status"]] {
        let (code, _, stderr) = output(backfill(&database).args(arguments));
        assert_eq!(code, Some(10), "{stderr}");
        assert!(stderr.contains("20991231000000: run a newer build"), "{stderr}");
    }
    assert_eq!(database.rows("SELECT FROM backfill_run"), [json!(null); 0]);
}

#[actix_web::test]
async fn a_server_goes_on_with_a_database_that_a_newer_build_has_migrated() {
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    app.database
        .execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);
    let written = app.user(7).put("/v1/campaigns/mine", json!({"details": {"zip": "1"}})).await;
    assert_eq!(written.status, 200);
}

/// A function first in the role's search path reports a standby; `scripts/several-nodes` uses a real one.
#[test]
fn a_command_that_writes_is_refused_on_a_standby_before_it_does_anything() {
    let database = TestDatabase::in_phase(Phase::One);
    let role = database.role("standby");
    database.execute_unmapped(&format!(
        "CREATE SCHEMA standby;
         GRANT USAGE ON SCHEMA standby TO {role};
         GRANT pg_read_all_data TO {role};
         CREATE FUNCTION standby.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true';
         ALTER ROLE {role} SET search_path = standby, pg_catalog, public"
    ));
    let on_standby = |mut tool: Command, command: &str| {
        tool.args(command.split_whitespace());
        output(tool.env("WINSERVE__DATABASE__URL", database.url_as(&role)))
    };
    let tool = |command: &str| on_standby(backfill(&database), command);
    for command in
        ["migrate", "clerk on", "clerk run", "clerk sweep --execute", "clerk retry --all"]
    {
        let (code, stdout, stderr) = on_standby(binary("winserve-admin"), command);
        assert_eq!((code, stdout.as_str()), (Some(30), ""), "{command}: {stderr}");
        assert!(stderr.contains("standby"), "{command}: {stderr}");
    }
    for command in [
        "migrate baseline",
        "migrate phase-2-expand",
        "phase advance",
        "phase back",
        "run positions",
        "run clerk-organizations",
        "run look-ups",
        "verify",
        "repair",
        "enforce phase-1",
        "quarantine retry --all",
    ] {
        let (code, stdout, stderr) = tool(command);
        assert_eq!((code, stdout.as_str()), (Some(30), ""), "{command}: {stderr}");
        for text in ["standby", "target_session_attrs=read-write"] {
            assert!(stderr.contains(text), "{command}: {stderr}");
        }
    }
    for command in ["status", "plan", "verify --dry-run", "phase show", "quarantine list"] {
        let (code, _, stderr) = tool(command);
        assert_eq!(code, Some(0), "{command}: {stderr}");
    }
}

/// Runs the grants that the tool prints, until it prints nothing more.
fn grant_what_is_missing(database: &TestDatabase, role: &str, arguments: &[&str]) -> usize {
    for round in 0..6 {
        let mut command = backfill(database);
        command.args(arguments).env("WINSERVE__DATABASE__URL", database.url_as(role));
        let (code, _, stderr) = output(&mut command);
        if code == Some(0) {
            return round;
        }
        assert_eq!(code, Some(10), "{arguments:?}: {stderr}");
        let grants: Vec<_> =
            stderr.lines().filter_map(|line| line.strip_prefix("Next: GRANT ")).collect();
        assert!(!grants.is_empty(), "{arguments:?}: {stderr}");
        for grant in grants {
            database.execute_unmapped(&format!("GRANT {grant}"));
        }
    }
    panic!("{arguments:?}: there is no end of missing rights");
}

#[test]
fn a_right_that_is_missing_is_named_with_the_statement_that_grants_it() {
    let database = TestDatabase::in_phase(Phase::One);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({"office": "Mayor", "state": "MI"}), None);
    let tool = database.role("tool");
    assert!(grant_what_is_missing(&database, &tool, &["status"]) > 0);
    assert!(grant_what_is_missing(&database, &tool, &["run", "positions"]) > 0);
    assert_eq!(grant_what_is_missing(&database, &tool, &["status"]), 0);
}

#[test]
fn a_migrator_that_does_not_own_the_tables_learns_which_role_it_needs() {
    let database = TestDatabase::new();
    let migrator = database.role("migrator");
    assert!(grant_what_is_missing(&database, &migrator, &["migrate", "phase-1-expand"]) > 0);
}
