//! Tests the worker on a database with defects.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use winserve_domain::{
    base::{BoxFuture, StoreError, SystemClock},
    database::{Access, Database, Work},
    positions::NoElectionService,
};
use winserve_migration::{Follower, FollowerWorker};

/// Panics on the first request, and is in phase `legacy` after that.
#[derive(Default)]
struct Panicking {
    asked: AtomicUsize,
}

impl Database for Panicking {
    fn run(
        &self,
        _name: &'static str,
        _access: Access,
        _work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        panic!("there is nothing to follow in phase `legacy`")
    }

    fn composition_seen(&self) -> &'static str {
        "legacy"
    }

    fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>> {
        assert_ne!(self.asked.fetch_add(1, Ordering::Relaxed), 0, "a defect");
        Box::pin(async { Ok("legacy") })
    }
}

#[tokio::test]
async fn a_worker_that_panics_starts_anew() {
    let database = Arc::new(Panicking::default());
    let worker = FollowerWorker::start(Follower {
        database: Arc::<Panicking>::clone(&database),
        election: Arc::new(NoElectionService),
        clock: Arc::new(SystemClock),
    });
    let asked_again = async {
        while database.asked.load(Ordering::Relaxed) < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked_again).await.unwrap();
    worker.stop().await;
}
