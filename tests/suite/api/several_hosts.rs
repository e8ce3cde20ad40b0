//! URLs with several servers: libpq finds the one that answers, or accepts writes, also after a failover.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, connection::SimpleConnection as _};
use winserve_domain::{
    base::{Clock as _, StoreError, UserId},
    database::Database,
};
use winserve_persistence::migrate;
use winserve_persistence::{Db, DbOptions};
use winserve_testkit::{Phase, pinned};
use winserve_testkit::{TestClock, TestCluster, TestDatabase};

use super::database::sign_of_life;
use crate::fixtures;

/// The folder of the socket in a URL of a test cluster, percent-encoded.
fn host(url: &str) -> &str {
    url.split_once("host=").unwrap().1.split('&').next().unwrap()
}

/// The database at both hosts.
fn at_both(database: &TestDatabase, first: &str, second: &str, more: &str) -> String {
    let url = database.url();
    url.replace(&format!("host={}", host(&url)), &format!("host={first},{second}{more}"))
}

fn open(url: &str) -> Arc<dyn Database> {
    let options =
        DbOptions { queue_wait: Duration::from_secs(30), ..DbOptions::new("winserve-test", 2) };
    Arc::new(Db::connect(url, &options, pinned(Phase::Legacy)).unwrap())
}

async fn rename(db: &Arc<dyn Database>, email: &str) -> Result<(), StoreError> {
    let email = email.to_owned();
    db.transaction("test", move |uow| {
        let mut user = uow.users().find_for_update(UserId(7))?.unwrap();
        user.email = email;
        uow.users().update(&user, TestClock.now())
    })
    .await
}

pub(crate) fn with_a_host_that_is_away(database: &TestDatabase) -> String {
    at_both(database, "%2Fnowhere", host(&database.url()), "&target_session_attrs=read-write")
}

#[actix_web::test]
async fn a_host_that_is_away_is_passed_over() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let url = with_a_host_that_is_away(&database);
    open(&url).read("test", sign_of_life).await.unwrap();
}

/// Both databases have the user, because nothing is replicated here; `scripts/several-nodes` does that.
#[actix_web::test]
async fn a_server_that_became_read_only_is_left_for_the_one_that_takes_writes() {
    let first = TestDatabase::new();
    fixtures::user(&first, 7, "candidate");
    let cluster = TestCluster::start();
    let name =
        first.row("SELECT current_database()::text AS name")["name"].as_str().unwrap().to_owned();
    PgConnection::establish(&cluster.url())
        .unwrap()
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .unwrap();
    let on_second = cluster.url().replace("/winserve?", &format!("/{name}?"));
    let mut second = PgConnection::establish(&on_second).unwrap();
    migrate::baseline(&mut second, false).unwrap();
    second
        .batch_execute(
            r#"INSERT INTO "user" (id, updated_at, email) VALUES (7, now(), 'user7@example.org')"#,
        )
        .unwrap();

    let (here, there) = (first.url(), cluster.url());
    let url = at_both(&first, host(&here), host(&there), "&target_session_attrs=read-write");
    let db = open(&url);
    rename(&db, "before@example.org").await.unwrap();
    assert_eq!(first.row(r#"SELECT email FROM "user""#)["email"], "before@example.org");

    first.execute(&format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'winserve-test' AND datname = current_database()"
    ));
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = rename(&db, "after@example.org").await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(Instant::now() < deadline, "{error:?}");
    }
    let moved =
        diesel::sql_query(r#"UPDATE "user" SET name = 'x' WHERE email = 'after@example.org'"#);
    assert_eq!(moved.execute(&mut second).unwrap(), 1, "written on the second server");
    assert_eq!(first.row(r#"SELECT email FROM "user""#)["email"], "before@example.org");
}
