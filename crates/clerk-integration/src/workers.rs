//! The workers that sync the outbox to Clerk, in any number of processes.

use std::{
    fmt,
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use metrics::gauge;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use winserve_domain::{
    base::StoreError,
    clerk::{DirectorySettings, InstanceProblem, Jitter, Provisioner, WorkOutcome},
    database::{Feature, UnitOfWork},
};

/// How long the instance's settings are cached.
const SETTINGS_KEPT: Duration = Duration::from_mins(5);
/// How often the outbox is polled while nothing is due.
const IDLE: Duration = Duration::from_secs(1);
/// How often a worker checks whether phase 1b has been turned on.
const OFF: Duration = Duration::from_secs(2);
/// How long a worker pauses if the database fails, and at most while others have paused all workers.
const MAX_DELAY: Duration = Duration::from_secs(5);
/// Shortest pause when the request budget is used up.
const MIN_DELAY: Duration = Duration::from_millis(5);
/// How often the length of the outbox is measured.
const MEASURE: Duration = Duration::from_secs(10);
/// How long workers may take to finish their current row when they stop; after that, their leases expire and
/// others take over.
const GRACE: Duration = Duration::from_secs(8);

/// Timeout for a worker's call: nobody waits for it, and a call that is given up too early must be searched
/// for.
pub const PATIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Random numbers from 0 to 1.
#[must_use]
pub fn random_jitter() -> Jitter {
    Arc::new(fastrand::f64)
}

/// Workers of this process. Dropping this value stops them in the middle of their work, which loses nothing:
/// see [`stop`](Self::stop).
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    measuring: JoinHandle<()>,
}

impl fmt::Debug for Workers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Workers").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Workers {
    /// Starts this many workers on the caller's runtime. They sleep until phase 1b is on.
    #[must_use]
    pub fn start(provisioner: &Provisioner, count: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let unreported = Arc::new(Once::new());
        for _ in 0..count {
            let worker = Worker {
                provisioner: provisioner.clone(),
                settings: None,
                halted_by: None,
                unreported: Arc::clone(&unreported),
                stopped: stopped.clone(),
            };
            tasks.spawn(worker.keep_running());
        }
        let measuring = tokio::spawn(measure(provisioner.clone()));
        Self { stop, tasks, measuring }
    }

    /// Lets every worker finish its current row, for some seconds.
    pub async fn stop(mut self) {
        self.measuring.abort();
        // An error means that there are no workers.
        let _told = self.stop.send(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(GRACE, ended).await.is_err() {
            tracing::info!("some calls to Clerk are unfinished; their rows will be checked again");
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.measuring.abort();
    }
}

#[derive(Clone)]
struct Worker {
    provisioner: Provisioner,
    settings: Option<(DirectorySettings, Instant)>,
    halted_by: Option<InstanceProblem>,
    /// What the instance does not report is logged by one worker, once.
    unreported: Arc<Once>,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    /// A worker that panics is restarted: otherwise all would end the same way, one by one.
    async fn keep_running(self) {
        // A set, so that dropping the outer task stops the inner one.
        let mut running = JoinSet::new();
        running.spawn(self.clone().run());
        while let Some(ended) = running.join_next().await {
            let Err(panic) = ended else { continue };
            tracing::error!(%panic, "a Clerk sync worker panicked and is restarted");
            sleep(IDLE).await;
            running.spawn(self.clone().run());
        }
    }

    async fn run(mut self) {
        while !*self.stopped.borrow() {
            let outcome = self.process_next().await;
            let delay = match outcome {
                Ok(outcome) => self.delay_after(outcome),
                Err(error) => {
                    tracing::warn!(%error, "cannot read the Clerk outbox");
                    Some(MAX_DELAY)
                }
            };
            if let Some(delay) = delay {
                tokio::select! {
                    () = sleep(delay) => {}
                    _stopped = self.stopped.changed() => {}
                }
            }
        }
    }

    async fn process_next(&mut self) -> Result<WorkOutcome, StoreError> {
        let kept = self.settings.take().filter(|(_, read)| read.elapsed() < SETTINGS_KEPT);
        let (settings, read) = match kept {
            Some(kept) => kept,
            None => match self.provisioner.settings().await? {
                Ok(settings) => {
                    self.log_unreported(&settings);
                    (settings, Instant::now())
                }
                Err(outcome) => return Ok(outcome),
            },
        };
        let outcome = self.provisioner.process_next(&settings).await;
        if !outcome.as_ref().is_ok_and(WorkOutcome::may_be_due_to_settings) {
            self.settings = Some((settings, read));
        }
        outcome
    }

    fn log_unreported(&self, settings: &DirectorySettings) {
        if !settings.unreported.is_empty() {
            self.unreported.call_once(|| {
                for unreported in &settings.unreported {
                    tracing::warn!("{unreported}");
                }
            });
        }
    }

    fn delay_after(&mut self, outcome: WorkOutcome) -> Option<Duration> {
        let halted_before = self.halted_by.take();
        match outcome {
            WorkOutcome::Synced(organization) => {
                tracing::debug!(%organization, "synced to Clerk");
                None
            }
            WorkOutcome::Failed { organization, failure, is_dead: true } => {
                tracing::error!(%organization, failure, "given up: `backfill quarantine` lists it");
                None
            }
            WorkOutcome::Failed { organization, failure, .. } => {
                tracing::info!(%organization, failure, "could not sync to Clerk; will retry later");
                None
            }
            WorkOutcome::Halted(problem) => {
                if halted_before != Some(problem) {
                    tracing::error!(%problem, "the Clerk sync is stopped");
                }
                self.halted_by = Some(problem);
                Some(MAX_DELAY)
            }
            WorkOutcome::Paused(delay) => {
                self.halted_by = halted_before;
                Some(delay.clamp(MIN_DELAY, MAX_DELAY))
            }
            WorkOutcome::Idle => Some(jittered(&self.provisioner, IDLE)),
            WorkOutcome::Off => Some(jittered(&self.provisioner, OFF)),
        }
    }
}

/// Half to one and a half times as long, so that workers do not all poll at the same moment.
fn jittered(provisioner: &Provisioner, delay: Duration) -> Duration {
    delay.mul_f64(0.5 + (provisioner.jitter)())
}

/// Every process reports the state of the outbox, which is the same for all.
async fn measure(provisioner: Provisioner) {
    loop {
        let depth = |uow: &mut dyn UnitOfWork| {
            if uow.offers(Feature::Organizations) { uow.provisioning().depth() } else { Ok(None) }
        };
        match provisioner.database.read("provisioning.depth", depth).await {
            Ok(Some(depth)) => {
                gauge!("clerk_outbox_pending").set(lossy(depth.pending));
                gauge!("clerk_outbox_oldest_age_seconds").set(lossy(depth.oldest_seconds));
                gauge!("clerk_outbox_dead_letters").set(lossy(depth.dead));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "cannot measure the Clerk outbox"),
        }
        sleep(MEASURE).await;
    }
}

/// Exact for any realistic number of organizations.
fn lossy(count: i64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
