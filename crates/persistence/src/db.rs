//! Runs units of work on the pool.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    PgConnection, RunQueryDsl as _,
    r2d2::{ManageConnection as _, Pool},
};
use metrics::{Gauge, counter, gauge, histogram};
use tokio::sync::Semaphore;
use uuid::Uuid;
use winserve_domain::{
    phase::Phase,
    unit_of_work::{Access, BoxFuture, Database, StoreError, Verdict, Work},
};

use crate::{
    error::store_error,
    heartbeat::{self, Heartbeat},
    json,
    limits::Limits,
    phase::PhaseSource,
    pool::{Manager, Tracked, check_out},
    unit_of_work::PgUnitOfWork,
};

/// Longest unit of work; two statements that run into the server's own time-out.
const DEADLINE: Duration = Duration::from_secs(30);

/// How to open a [`Db`].
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// Shows in `pg_stat_activity`.
    pub application_name: String,
    /// Connections at most.
    pub pool_size: u32,
    /// How long a unit of work waits for a connection before it fails as unavailable.
    pub acquire_timeout: Duration,
    /// How much one user may store.
    pub limits: Limits,
}

impl DbOptions {
    /// Options with the usual time-out of five seconds, and without limits.
    #[must_use]
    pub fn new(application_name: &str, pool_size: u32) -> Self {
        Self {
            application_name: application_name.to_owned(),
            pool_size,
            acquire_timeout: Duration::from_secs(5),
            limits: Limits::NONE,
        }
    }
}

/// The database behind [`Database`].
///
/// The wait for a connection is asynchronous and bounded; then everything runs in one blocking hop.
pub struct Db {
    pool: Pool<Manager>,
    permits: Arc<Semaphore>,
    acquire_timeout: Duration,
    limits: Limits,
    statements: Arc<AtomicU64>,
    phase: Arc<PhaseSource>,
    manager: Arc<Manager>,
    own_connection: Arc<Mutex<Option<Tracked>>>,
}

impl Db {
    /// Opens the pool; connections follow on demand, and a database that is away is noticed by
    /// the first unit of work. Without a pinned phase the database's own counts.
    ///
    /// # Errors
    /// [`StoreError::Other`] for a pool of no connections.
    pub fn connect(
        url: &str,
        options: &DbOptions,
        pinned: Option<Phase>,
    ) -> Result<Self, StoreError> {
        if options.pool_size == 0 {
            return Err(StoreError::Other("a pool needs at least one connection".into()));
        }
        let pool = Pool::builder()
            .max_size(options.pool_size)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(options.acquire_timeout)
            .build_unchecked(Manager::new(url, &options.application_name));
        gauge!("database_pool_size").set(options.pool_size);
        let permits = usize::try_from(options.pool_size).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            pool,
            permits: Arc::new(Semaphore::new(permits)),
            acquire_timeout: options.acquire_timeout,
            limits: options.limits,
            statements: Arc::default(),
            phase: Arc::new(PhaseSource::new(pinned)),
            manager: Arc::new(Manager::new(url, &options.application_name)),
            own_connection: Arc::default(),
        })
    }

    /// SQL statements that finished units of work sent, BEGIN and COMMIT included. Tests hold each
    /// route to a budget with it.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

impl Db {
    /// Says that this process lives and which phase it sees; to be called every two seconds. On a
    /// connection of its own, for the pool may be busy.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StoreError> {
        let phase = Arc::clone(&self.phase);
        self.on_own_connection(move |connection| {
            let seen = phase.for_reading(connection).map_err(store_error)?;
            heartbeat::beat(connection, &heartbeat, seen, phase.is_pinned())
        })
        .await
    }

    /// Says that this process ends: nobody needs to wait for it any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn say_goodbye(&self, process: Uuid) -> Result<(), StoreError> {
        self.on_own_connection(move |connection| heartbeat::stop(connection, process)).await
    }

    async fn on_own_connection(
        &self,
        task: impl FnOnce(&mut PgConnection) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let (own, manager) = (Arc::clone(&self.own_connection), Arc::clone(&self.manager));
        blocking(move || {
            let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
            let mut tracked = match own.take() {
                Some(tracked) => tracked,
                None => manager.connect().map_err(|error| StoreError::Unavailable(error.into()))?,
            };
            let done = task(&mut tracked.connection);
            if done.is_ok() {
                *own = Some(tracked);
            }
            done
        })
        .await
    }
}

async fn blocking(
    task: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
) -> Result<(), StoreError> {
    let joined = tokio::task::spawn_blocking(task).await;
    joined.map_err(|error| StoreError::Unavailable(error.into()))?
}

impl Database for Db {
    fn phase_seen(&self) -> Phase {
        self.phase.last_seen()
    }

    fn run(
        &self,
        name: &'static str,
        access: Access,
        work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let waiting = Counted::in_gauge("database_pool_waiting");
            let permit = tokio::time::timeout(
                self.acquire_timeout,
                Arc::clone(&self.permits).acquire_owned(),
            )
            .await
            .map_err(|elapsed| StoreError::Unavailable(elapsed.into()))?
            .map_err(|closed| StoreError::Unavailable(closed.into()))?;
            drop(waiting);
            let (pool, total) = (self.pool.clone(), Arc::clone(&self.statements));
            let (phase, limits) = (Arc::clone(&self.phase), self.limits);
            let span = tracing::debug_span!("db.unit_of_work", name);
            let hop = tokio::task::spawn_blocking(move || {
                let _entered = span.entered();
                let _permit = permit;
                let _in_use = Counted::in_gauge("database_pool_in_use");
                let mut tracked = check_out(&pool)?;
                let (started, before) = (Instant::now(), tracked.statements.count());
                let outcome = run_on(&mut tracked, access, &phase, limits, work);
                tracked.has_grown |= json::take_was_large();
                let statements = tracked.statements.count() - before;
                total.fetch_add(statements, Ordering::Relaxed);
                let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
                histogram!("database_unit_of_work_duration_seconds", "name" => name)
                    .record(started.elapsed());
                tracing::debug!(name, statements, duration_ms, "unit of work finished");
                outcome
            });
            // A client that hangs up drops this future; the closure still runs to its end. So it
            // does after the deadline, which is there for a server that hangs: one that lives ends
            // a statement itself, and earlier.
            let ran = tokio::time::timeout(DEADLINE, hop).await;
            let ran = ran.map_err(|elapsed| StoreError::Unavailable(elapsed.into()))?;
            ran.unwrap_or_else(|stopped| match stopped.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => Err(StoreError::Unavailable(cancelled.into())),
            })
        })
    }
}

/// Counts itself in a gauge while it lives.
struct Counted(Gauge);

impl Counted {
    fn in_gauge(name: &'static str) -> Self {
        let gauge = gauge!(name);
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

fn run_on(
    tracked: &mut Tracked,
    access: Access,
    phase: &PhaseSource,
    limits: Limits,
    work: Work,
) -> Result<(), StoreError> {
    let Tracked { connection, statements, .. } = tracked;
    if access == Access::Read {
        let phase = phase.for_reading(connection).map_err(store_error)?;
        work(&mut PgUnitOfWork::new(connection, phase, limits));
        return Ok(());
    }
    let mut seen = None;
    let outcome = phase.in_transaction(connection, |connection, phase| {
        seen = Some(phase);
        match work(&mut PgUnitOfWork::new(connection, phase, limits)) {
            Verdict::Rollback => Err(Stop::RolledBack),
            Verdict::Commit => {
                if statements.take_failed() {
                    refuse_if_aborted(connection)?;
                }
                Ok(())
            }
        }
    });
    let (ended, outcome) = match outcome {
        Ok(()) => ("committed", Ok(())),
        Err(Stop::RolledBack) => ("rolled_back", Ok(())),
        Err(Stop::Failed(error)) => ("failed", Err(store_error(error))),
    };
    if let Some(phase) = seen.filter(|phase| phase.has_tables()) {
        counter!("double_writes_total", "phase" => phase.as_str(), "outcome" => ended).increment(1);
    }
    outcome
}

/// COMMIT of a transaction in which a statement failed succeeds and keeps nothing; any statement
/// before it fails. One that failed under a savepoint leaves the transaction sound.
fn refuse_if_aborted(connection: &mut PgConnection) -> Result<(), diesel::result::Error> {
    diesel::sql_query("SELECT 1").execute(connection).map(drop)
}

enum Stop {
    RolledBack,
    Failed(diesel::result::Error),
}

impl From<diesel::result::Error> for Stop {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error)
    }
}
