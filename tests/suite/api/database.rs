//! Units of work are all or nothing, whatever fails.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use winserve_domain::{
    base::{Clock as _, StoreError, UserId},
    database::{Database, UnitOfWork},
};
use winserve_persistence::{Db, DbOptions};
use winserve_testkit::{Phase, pinned};
use winserve_testkit::{TestClock, TestDatabase};

use crate::fixtures;

fn open(database: &TestDatabase, connections: u32) -> Arc<dyn Database> {
    // A busy machine may stall for some seconds.
    open_with_wait(database, connections, Duration::from_secs(30))
}

fn open_with_wait(
    database: &TestDatabase,
    connections: u32,
    queue_wait: Duration,
) -> Arc<dyn Database> {
    let options = DbOptions { queue_wait, ..DbOptions::new("winserve-test", connections) };
    Arc::new(Db::connect(&database.url(), &options, pinned(Phase::Legacy)).unwrap())
}

/// The smallest unit of work: one query.
pub(crate) fn sign_of_life(uow: &mut dyn UnitOfWork) -> Result<(), StoreError> {
    uow.users().find(UserId(7)).map(drop)
}

fn rename(uow: &mut dyn UnitOfWork, id: i32, email: &str) -> Result<(), StoreError> {
    let mut user = uow.users().find_for_update(UserId(id))?.unwrap();
    email.clone_into(&mut user.email);
    uow.users().update(&user, TestClock.now())
}

fn email(database: &TestDatabase, id: i32) -> serde_json::Value {
    database.row(&format!(r#"SELECT email FROM "user" WHERE id = {id}"#))["email"].clone()
}

#[actix_web::test]
async fn what_a_use_case_refuses_is_rolled_back() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let refused: Result<(), StoreError> = open(&database, 1)
        .transaction("test", |uow| {
            rename(uow, 7, "new@example.org")?;
            Err(StoreError::Other("refused".into()))
        })
        .await;
    assert!(matches!(refused, Err(StoreError::Other(_))));
    assert_eq!(email(&database, 7), "user7@example.org");
}

#[actix_web::test]
async fn a_commit_of_an_aborted_transaction_never_passes_for_success() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::user(&database, 8, "candidate");
    let db = open(&database, 1);
    let outcome: Result<(), StoreError> = db
        .transaction("test", |uow| {
            rename(uow, 8, "new@example.org")?;
            // A use case that swallows the conflict: the database has aborted the transaction, and would
            // answer its COMMIT without an error.
            assert!(matches!(rename(uow, 7, "new@example.org"), Err(StoreError::Conflict { .. })));
            Ok(())
        })
        .await;
    assert!(outcome.is_err());
    assert_eq!(email(&database, 8), "user8@example.org");
    let again: Result<(), StoreError> =
        db.transaction("test", |uow| rename(uow, 8, "x@y.zz")).await;
    assert!(again.is_ok(), "the connection serves the next one");
}

#[actix_web::test]
async fn a_panic_rolls_back_and_leaves_the_pool_sound() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let db = open(&database, 1);
    let inner = Arc::clone(&db);
    let panicked = actix_web::rt::spawn(async move {
        inner
            .transaction("test", |uow| -> Result<(), StoreError> {
                rename(uow, 7, "new@example.org")?;
                panic!("as a bug would")
            })
            .await
    })
    .await;
    assert!(panicked.is_err());
    assert_eq!(email(&database, 7), "user7@example.org");
    let found = db.read("test", |uow| uow.users().find(UserId(7))).await;
    assert!(found.unwrap().is_some());
}

#[actix_web::test]
async fn without_a_free_connection_a_unit_of_work_fails_in_time() {
    let database = TestDatabase::new();
    let db = open_with_wait(&database, 1, Duration::from_millis(300));
    let (release, held) = std::sync::mpsc::channel::<()>();
    let holder = Arc::clone(&db);
    let holding = actix_web::rt::spawn(async move {
        holder
            .read("holder", move |_uow| {
                let _ = held.recv();
                Ok::<_, StoreError>(())
            })
            .await
    });
    actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    let refused = db.read("test", sign_of_life).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    release.send(()).unwrap();
    holding.await.unwrap().unwrap();
    db.read("test", sign_of_life).await.unwrap();
}

#[actix_web::test]
async fn connections_that_the_server_cut_are_replaced() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let db = open(&database, 2);
    db.read("test", sign_of_life).await.unwrap();
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'winserve-test' AND datname = current_database()",
    );
    // The connection used a moment ago is trusted, and fails once; it is not handed out again.
    let cut: Result<(), StoreError> = db.read("test", sign_of_life).await;
    assert!(matches!(cut, Err(StoreError::Unavailable(_))), "{cut:?}");
    for _ in 0..3 {
        db.read("test", sign_of_life).await.unwrap();
    }
}

#[actix_web::test]
async fn a_database_that_is_away_is_unavailable_not_unknown() {
    let options =
        DbOptions { queue_wait: Duration::from_millis(300), ..DbOptions::new("winserve-test", 1) };
    let url = "postgresql://127.0.0.1:1/nowhere";
    let db: Arc<dyn Database> =
        Arc::new(Db::connect(url, &options, pinned(Phase::Legacy)).unwrap());
    let refused = db.read("test", sign_of_life).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

#[test]
fn a_role_that_the_program_does_not_know_is_an_inconsistency_and_no_panic() {
    let database = TestDatabase::new();
    database.execute(r#"ALTER TYPE "UserRole" ADD VALUE 'wizard'"#);
    fixtures::user(&database, 7, "wizard");
    let found = actix_web::rt::System::new().block_on(async {
        open(&database, 1).read("test", |uow| uow.users().find(UserId(7))).await
    });
    let error = found.unwrap_err().to_string();
    assert_eq!(json!(error), "row 7 of user cannot be read");
}
