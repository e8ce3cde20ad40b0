//! What a server does beside its routes as long as the migration lasts.

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

/// A server, as others know it.
pub struct Server {
    process: Uuid,
    build: &'static str,
    unnamed_requests: Box<dyn Fn() -> u64 + Send>,
}

impl Server {
    /// A process with an id made at its start and the version of its program; `unnamed_requests` counts those since its
    /// start that named none of several organizations.
    #[must_use]
    pub fn new(
        process: Uuid,
        build: &'static str,
        unnamed_requests: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        Self { process, build, unnamed_requests: Box::new(unnamed_requests) }
    }

    /// Starts, on the runtime of the caller, what runs beside the routes: it follows the old service, and reports which
    /// phase the server sees.
    ///
    /// # Errors
    /// [`StoreError::Other`] when there is no room for a thread.
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

/// What runs beside the routes of a server.
pub struct Beside {
    follower: FollowerWorker,
    heartbeats: Arc<Heartbeats>,
    process: Uuid,
    beating: JoinHandle<()>,
}

impl Beside {
    /// Ends it, and reports that the server ends.
    pub async fn stop(self) {
        self.follower.stop().await;
        self.beating.abort();
        if let Err(error) = self.heartbeats.stop(self.process).await {
            tracing::warn!(%error, "the last heartbeat failed");
        }
    }
}

/// No phase is entered before every server has reported the current one (design §3).
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
