//! A primary that waits for a standby at every commit, while the standby is down.

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _, connection::SimpleConnection as _, sql_query,
};
use serde_json::json;
use winserve_migration::migrate;
use winserve_testkit::{TestCluster, http_client};

use super::binaries::interruptions::{line_with, spawn};
use crate::binaries::{Running, binary, free_port, token, wait_until_ready};

const DEADLINE: Duration = Duration::from_secs(20);
/// Commits that wait for the standby.
const WAITING: &str = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

/// A separate server with the old service's tables, and a connection whose own commits do not wait.
fn primary() -> (TestCluster, PgConnection) {
    let cluster = TestCluster::start();
    let mut connection = PgConnection::establish(&cluster.url()).unwrap();
    migrate::baseline(&mut connection, false).unwrap();
    connection
        .batch_execute(
            r#"INSERT INTO "user" (id, updated_at, first_name, last_name, name, email, phone, zip, roles)
               VALUES (7, '2026-01-02', 'Ann', 'User', 'Ann User', 'a@example.org', '5', '49286', '{candidate}');
               INSERT INTO campaign (id, updated_at, slug, user_id, data, details)
               VALUES (11, '2026-01-02', 'ann', 7, '{}', '{}');
               ALTER DATABASE winserve SET synchronous_commit = on;
               SET synchronous_commit = local"#,
        )
        .unwrap();
    (cluster, connection)
}

/// Makes commits wait for a standby of that name; an empty name turns this off.
fn wait_for_standby(connection: &mut PgConnection, name: &str) {
    for statement in [
        format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'"),
        "SELECT pg_reload_conf()".to_owned(),
    ] {
        connection.batch_execute(&statement).unwrap();
    }
}

fn rows(connection: &mut PgConnection, query: &str) -> usize {
    sql_query(query).execute(connection).unwrap()
}

async fn until(connection: &mut PgConnection, count: usize, query: &str) {
    let deadline = Instant::now() + DEADLINE;
    while rows(connection, query) != count {
        assert!(Instant::now() < deadline, "{count} rows of {query}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[actix_web::test]
async fn what_the_standby_has_not_confirmed_is_published_to_nobody_though_its_client_hangs_up() {
    let (cluster, mut connection) = primary();
    let bind = format!("127.0.0.1:{}", free_port());
    let _api = binary("api")
        .env("WINSERVE__DATABASE__URL", cluster.url())
        .env("WINSERVE__AUTH__LEGACY_SECRET", "test secret")
        .env("WINSERVE__SERVER__BIND", &bind)
        .spawn()
        .map(Running)
        .unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let write = |zip: &str| {
        let request = http_client().put(format!("{base}/v1/campaigns/mine")).bearer_auth(token());
        request.json(&json!({"details": {"zip": zip}})).send()
    };
    assert_eq!(write("1").await.unwrap().status(), 200);
    wait_for_standby(&mut connection, "nobody");
    let writing = actix_web::rt::spawn(write("2"));
    until(&mut connection, 1, WAITING).await;
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    // Cancelling the wait would publish the row.
    let written = "SELECT FROM campaign WHERE details->>'zip' = '2'";
    let until_then = Instant::now() + Duration::from_millis(1_500);
    while Instant::now() < until_then {
        assert_eq!(rows(&mut connection, written), 0, "the standby does not have the row");
        sleep(Duration::from_millis(50)).await;
    }
    wait_for_standby(&mut connection, "");
    until(&mut connection, 1, written).await;
    assert_eq!(write("3").await.unwrap().status(), 200);
}

#[test]
fn a_command_says_that_it_waits_for_the_standby() {
    let (cluster, mut connection) = primary();
    wait_for_standby(&mut connection, "nobody");
    let mut command = binary("backfill");
    command.env("WINSERVE__DATABASE__URL", cluster.url());
    let mut child = spawn(command.args(["migrate", "phase-1-expand", "--waits-after", "0.3"]));
    let line = line_with(&mut child, "waiting for ");
    for part in ["a standby to confirm", "synchronous_standby_names", "'nobody'"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let stopped = Running(child);
    stopped.signal("-INT");
    assert_eq!(stopped.wait(), Some(22));
    wait_for_standby(&mut connection, "");
    let again = binary("backfill")
        .env("WINSERVE__DATABASE__URL", cluster.url())
        .args(["migrate", "phase-1-expand"])
        .status();
    assert!(again.unwrap().success());
}
