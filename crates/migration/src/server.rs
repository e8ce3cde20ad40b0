//! The background work of a server during the migration.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::interval};
use uuid::Uuid;
use winserve_domain::{
    base::{Clock, StoreError},
    positions::ElectionService,
};
use winserve_persistence::Db;

use crate::{Follower, FollowerWorker, Heartbeat, Heartbeats, Phases};

/// How often a server reports that it is alive.
const BEAT: Duration = Duration::from_secs(2);

/// A server, as seen by other processes.
pub struct Server {
    process: Uuid,
    build: &'static str,
    unnamed_requests: Box<dyn Fn() -> u64 + Send>,
}

impl Server {
    /// A process, with an id generated at its start and its program version; `unnamed_requests`
    /// counts requests since its start that did not specify one of several organizations.
    #[must_use]
    pub fn new(
        process: Uuid,
        build: &'static str,
        unnamed_requests: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        Self { process, build, unnamed_requests: Box::new(unnamed_requests) }
    }

    /// Starts the background work on the caller's runtime: following the old service and reporting
    /// which phase the server sees.
    ///
    /// # Errors
    /// [`StoreError::Other`] if no thread can be started.
    pub fn start(
        self,
        db: &Arc<Db>,
        phases: &Phases,
        election: &Arc<dyn ElectionService>,
        clock: Arc<dyn Clock>,
    ) -> Result<Beside, StoreError> {
        let heartbeats = Arc::new(Heartbeats::new(db, phases)?);
        let follower = FollowerWorker::start(Follower {
            database: Arc::<Db>::clone(db),
            election: Arc::clone(election),
            clock,
        });
        let process = self.process;
        let beating = tokio::spawn(beat(Arc::clone(&heartbeats), self));
        Ok(Beside { follower, heartbeats, process, beating })
    }
}

/// The background work of a server.
pub struct Beside {
    follower: FollowerWorker,
    heartbeats: Arc<Heartbeats>,
    process: Uuid,
    beating: JoinHandle<()>,
}

impl Beside {
    /// Stops it, and reports that the server ends.
    pub async fn stop(self) {
        self.follower.stop().await;
        self.beating.abort();
        if let Err(error) = self.heartbeats.stop(self.process).await {
            tracing::warn!(%error, "the last heartbeat failed");
        }
    }
}

/// A phase change waits until every server has reported the current phase (design §3).
async fn beat(heartbeats: Arc<Heartbeats>, server: Server) {
    let Server { process, build, unnamed_requests } = server;
    let mut beats = interval(BEAT);
    loop {
        beats.tick().await;
        let heartbeat = Heartbeat { process, build, unnamed_requests: unnamed_requests() };
        if let Err(error) = heartbeats.beat(heartbeat).await {
            tracing::warn!(%error, "no heartbeat");
        }
    }
}
