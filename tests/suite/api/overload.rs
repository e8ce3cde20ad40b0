//! Units of work under contention, and while other work blocks threads.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use actix_web::rt::task::JoinHandle;
use winserve_domain::{base::StoreError, database::Database};
use winserve_persistence::{Db, DbOptions};
use winserve_testkit::TestDatabase;
use winserve_testkit::{Phase, composition, pinned};

use super::database::sign_of_life;

fn open(database: &TestDatabase, options: &DbOptions) -> Arc<dyn Database> {
    Arc::new(Db::connect(&database.url(), options, pinned(Phase::Legacy)).unwrap())
}

fn one_connection(queue_length: u32) -> DbOptions {
    DbOptions {
        queue_length,
        queue_wait: Duration::from_mins(1),
        ..DbOptions::new("winserve-test", 1)
    }
}

fn reading(db: &Arc<dyn Database>) -> JoinHandle<Result<(), StoreError>> {
    let db = Arc::clone(db);
    actix_web::rt::spawn(async move { db.read("test", sign_of_life).await })
}

/// Takes the only connection until the sender is dropped.
async fn hold(db: &Arc<dyn Database>) -> (mpsc::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (release, held) = mpsc::channel::<()>();
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let db = Arc::clone(db);
    let holding = actix_web::rt::spawn(async move {
        db.read("holder", move |_uow| {
            started.send(()).unwrap();
            let _ = held.recv();
            Ok(())
        })
        .await
    });
    has_started.recv().await.unwrap();
    (release, holding)
}

/// Lets already spawned tasks enter the queue.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn blocked_runtime_threads_delay_no_unit_of_work() {
    let database = TestDatabase::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let db = open(&database, &one_connection(8));
        // Like the lookup of a host whose name server hangs.
        let (release, hung) = mpsc::channel::<()>();
        let hanging = tokio::task::spawn_blocking(move || hung.recv());
        db.read("test", sign_of_life).await.unwrap();
        db.ready().await.unwrap();
        assert!(!hanging.is_finished());
        drop(release);
        assert!(hanging.await.unwrap().is_err());
    });
}

#[actix_web::test]
async fn beyond_a_full_queue_a_unit_of_work_is_refused_at_once_and_within_it_served() {
    let database = TestDatabase::new();
    let db = open(&database, &one_connection(2));
    let (release, holding) = hold(&db).await;
    let waiting = [reading(&db), reading(&db)];
    settle().await;
    let refused = db.read("test", sign_of_life).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(waiting.iter().all(|it| !it.is_finished()), "these still wait");
    drop(release);
    for served in waiting {
        served.await.unwrap().unwrap();
    }
    holding.await.unwrap().unwrap();
}

#[actix_web::test]
async fn who_hangs_up_leaves_the_queue() {
    let database = TestDatabase::new();
    let db = open(&database, &one_connection(1));
    let (release, holding) = hold(&db).await;
    let first = reading(&db);
    settle().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let second = reading(&db);
    settle().await;
    drop(release);
    second.await.unwrap().unwrap();
    holding.await.unwrap().unwrap();
}

#[actix_web::test]
async fn a_thousand_at_once_are_all_served_by_one_connection() {
    let database = TestDatabase::new();
    let db = open(&database, &DbOptions::new("winserve-test", 1));
    let all: Vec<_> = (0..1_000).map(|_| reading(&db)).collect();
    for served in all {
        served.await.unwrap().unwrap();
    }
}

#[actix_web::test]
async fn a_database_that_refuses_connections_is_unavailable_without_a_wait() {
    let url = "postgresql://127.0.0.1:1/nowhere";
    let db: Arc<dyn Database> =
        Arc::new(Db::connect(url, &one_connection(20), composition(Phase::Two)).unwrap());
    let refusals = async {
        for _ in 0..20 {
            let refused = db.read("test", sign_of_life).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        }
        assert!(db.ready().await.is_err());
    };
    // At most a second each; waiting for the database would take a minute.
    tokio::time::timeout(Duration::from_secs(20), refusals).await.unwrap();
}
