//! What the server does as long as the migration lasts. Without it, the store is `winserve_persistence::Tables`.

use std::{sync::Arc, time::Duration};

use actix_web::rt::{task::JoinHandle, time::interval};
use uuid::Uuid;
use winserve_domain::{base::SystemClock, positions::ElectionService};
use winserve_http::auth::UnnamedRequests;
use winserve_migration::{Follower, FollowerWorker, Heartbeat, Heartbeats, Phase, Phases};
use winserve_persistence::Db;

/// The composition of the store: as the database's phase says, unless the configuration pins one.
pub(crate) fn composition(pinned: Option<&str>) -> Arc<Phases> {
    Arc::new(Phases::new(pinned.and_then(Phase::parse)))
}

/// This process, as others know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    /// Made at its start.
    pub(crate) id: Uuid,
    /// Version of the program.
    pub(crate) build: &'static str,
}

/// What runs beside requests.
pub(crate) struct Beside {
    follower: FollowerWorker,
    heart: Heart,
}

impl Beside {
    pub(crate) fn start(
        db: &Arc<Db>,
        phases: &Phases,
        election: &Arc<dyn ElectionService>,
        process: Process,
        unnamed_requests: UnnamedRequests,
    ) -> anyhow::Result<Self> {
        let heartbeats = Heartbeats::new(db, phases)?;
        let follower = FollowerWorker::start(Follower {
            database: Arc::<Db>::clone(db),
            election: Arc::clone(election),
            clock: Arc::new(SystemClock),
        });
        Ok(Self { follower, heart: Heart::start(heartbeats, process, unnamed_requests) })
    }

    pub(crate) async fn stop(self) {
        self.follower.stop().await;
        self.heart.stop().await;
    }
}

/// Reports every two seconds that this process is alive and which phase it sees: no phase is entered before
/// every process has seen the current one (design §3).
struct Heart {
    heartbeats: Arc<Heartbeats>,
    process: Uuid,
    beating: JoinHandle<()>,
}

impl Heart {
    fn start(heartbeats: Heartbeats, process: Process, unnamed_requests: UnnamedRequests) -> Self {
        let (heartbeats, Process { id, build }) = (Arc::new(heartbeats), process);
        let beating = actix_web::rt::spawn({
            let heartbeats = Arc::clone(&heartbeats);
            async move {
                let mut seconds = interval(Duration::from_secs(2));
                loop {
                    seconds.tick().await;
                    let heartbeat = Heartbeat {
                        process: id,
                        build,
                        unnamed_requests: unnamed_requests.total(),
                    };
                    if let Err(error) = heartbeats.beat(heartbeat).await {
                        tracing::warn!(%error, "no heartbeat");
                    }
                }
            }
        });
        Self { heartbeats, process: id, beating }
    }

    async fn stop(self) {
        self.beating.abort();
        if let Err(error) = self.heartbeats.stop(self.process).await {
            tracing::warn!(%error, "the last heartbeat failed");
        }
    }
}
