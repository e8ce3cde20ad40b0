//! Runs units of work on the pool.

use std::{
    convert::identity,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl as _,
    sql_types::{Array, Text},
};
use metrics::{Gauge, counter, gauge, histogram};
use winserve_domain::{
    base::{BoxFuture, Cancelled, StoreError},
    database::{Access, Database, TransactionEnd, Work},
};

use crate::{
    cancel::{Begun, Canceller},
    composition::Composition,
    error::store_error,
    hops::{Hops, NotDone, Waiting},
    json,
    limits::Limits,
    own_connection::OwnConnection,
    pool::{Connections, Manager, PooledEntry},
    readiness,
    server_state::ServerState,
    session,
};

/// How long a statement waits for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for the readiness check, which must answer quickly.
const READINESS_LOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// The `application_name` of servers in `pg_stat_activity`, before a slash and the process id.
pub const SERVER: &str = "winserve-api";

/// How to open a [`Db`].
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// Shows in `pg_stat_activity`.
    pub application_name: String,
    /// Maximum number of connections; two more are for [`Database::ready`] and for cancelling
    /// statements whose client is gone.
    pub pool_size: u32,
    /// Maximum number of units of work that wait for a connection; one more fails immediately as
    /// unavailable.
    pub queue_length: u32,
    /// How long a unit of work waits for a connection before it fails as unavailable.
    pub queue_wait: Duration,
    /// Storage limits per user.
    pub limits: Limits,
}

impl DbOptions {
    /// Options with the default queue, a thousand for five seconds, and without limits.
    #[must_use]
    pub fn new(application_name: &str, pool_size: u32) -> Self {
        Self {
            application_name: application_name.to_owned(),
            pool_size,
            queue_length: 1_024,
            queue_wait: Duration::from_secs(5),
            limits: Limits::NONE,
        }
    }
}

/// Implements [`Database`].
///
/// Each connection has a thread, on which a unit of work runs as one task. Waiting for a thread is
/// asynchronous and bounded.
pub struct Db {
    hops: Hops,
    connections: Arc<Connections>,
    limits: Limits,
    statements: Arc<AtomicU64>,
    in_use: Gauge,
    composition: Arc<dyn Composition>,
    server: Arc<ServerState>,
    url: String,
    application_name: String,
    readiness: OwnConnection,
    canceller: Canceller,
    /// The last readiness result and its time, shared with those who waited for it.
    last_check: tokio::sync::Mutex<Option<(Instant, Result<&'static str, String>)>>,
}

impl Db {
    /// Starts the threads; connections are opened on demand, so an unreachable database is noticed
    /// by the first unit of work.
    ///
    /// # Errors
    /// [`StoreError::Other`] for a pool without connections, or if threads cannot be started.
    pub fn connect(
        url: &str,
        options: &DbOptions,
        composition: Arc<dyn Composition>,
    ) -> Result<Self, StoreError> {
        let DbOptions { pool_size, queue_length, queue_wait, .. } = *options;
        if pool_size == 0 {
            return Err(StoreError::Other("a pool needs at least one connection".into()));
        }
        let server = Arc::new(ServerState::default());
        let manager =
            |lock_timeout| Manager::new(url, &options.application_name, lock_timeout, &server);
        let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let waiting = Waiting { at_most: size(queue_length), no_longer_than: queue_wait };
        let hops =
            Hops::start("database", size(pool_size), waiting, gauge!("database_pool_waiting"))
                .map_err(|error| StoreError::Other(error.into()))?;
        gauge!("database_pool_size").set(pool_size);
        Ok(Self {
            hops,
            connections: Arc::new(Connections::new(
                manager(LOCK_TIMEOUT),
                &server,
                pool_size,
                queue_wait,
            )),
            limits: options.limits,
            statements: Arc::default(),
            in_use: gauge!("database_pool_in_use"),
            composition,
            url: url.to_owned(),
            application_name: options.application_name.clone(),
            readiness: OwnConnection::new("readiness", manager(READINESS_LOCK_TIMEOUT))?,
            canceller: Canceller::start(manager(READINESS_LOCK_TIMEOUT))
                .map_err(|error| StoreError::Other(error.into()))?,
            last_check: tokio::sync::Mutex::default(),
            server,
        })
    }

    /// SQL statements sent by finished units of work, including BEGIN and COMMIT. Tests use it to
    /// check each route's budget.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The prepared statements of a pool connection, with their parameter types. Tests check their
    /// plans.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prepared_statements(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        #[derive(QueryableByName)]
        struct Prepared {
            #[diesel(sql_type = Text)]
            statement: String,
            #[diesel(sql_type = Array<Text>)]
            types: Vec<String>,
        }
        let connections = Arc::clone(&self.connections);
        let ran = self.hops.run(move || {
            let mut entry = connections.check_out()?;
            let prepared: Vec<Prepared> = diesel::sql_query(
                "SELECT statement, parameter_types::text[] AS types FROM pg_prepared_statements
                 ORDER BY prepare_time, name",
            )
            .load(&mut entry.connection)
            .map_err(store_error)?;
            Ok(prepared.into_iter().map(|it| (it.statement, it.types)).collect())
        });
        ran.await.map_err(turned_away)?
    }

    /// The settings of pool sessions while they read or write, by name. Tests check them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settings(&self, access: Access) -> Result<Vec<(String, String)>, StoreError> {
        #[derive(QueryableByName)]
        struct Setting {
            #[diesel(sql_type = Text)]
            name: String,
            #[diesel(sql_type = Text)]
            value: String,
        }
        let connections = Arc::clone(&self.connections);
        let ran = self.hops.run(move || {
            let mut entry = connections.check_out()?;
            let settings: Vec<Setting> = entry
                .run(access, |connection| {
                    diesel::sql_query(
                        "SELECT name, current_setting(name) AS value FROM pg_settings",
                    )
                    .load(connection)
                })
                .and_then(identity)
                .map_err(store_error)?;
            Ok(settings.into_iter().map(|it| (it.name, it.value)).collect())
        });
        ran.await.map_err(turned_away)?
    }

    /// A connection outside the pool, for work that must not wait for a unit of work; `name` is its
    /// thread's.
    ///
    /// # Errors
    /// [`StoreError::Other`] if no thread can be started.
    pub fn own_connection(&self, name: &str) -> Result<OwnConnection, StoreError> {
        let manager = Manager::new(&self.url, &self.application_name, LOCK_TIMEOUT, &self.server);
        OwnConnection::new(name, manager)
    }
}

impl Database for Db {
    fn composition_seen(&self) -> &'static str {
        self.composition.last_seen()
    }

    fn ready(&self) -> BoxFuture<'_, Result<&'static str, StoreError>> {
        Box::pin(async move {
            self.server.require_room()?;
            self.server.require_reachable()?;
            let asked = Instant::now();
            let mut last = self.last_check.lock().await;
            if let Some((at, answer)) = last.as_ref()
                && *at >= asked
            {
                return answer.clone().map_err(|error| StoreError::Unavailable(error.into()));
            }
            let (composition, server) = (Arc::clone(&self.composition), Arc::clone(&self.server));
            let checked = self
                .readiness
                .run(move |connection| readiness::check(connection, &*composition, &server))
                .await;
            let shared = checked.as_ref().copied().map_err(ToString::to_string);
            *last = Some((Instant::now(), shared));
            checked
        })
    }

    fn run(
        &self,
        name: &'static str,
        access: Access,
        work: Work,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (connections, total) =
                (Arc::clone(&self.connections), Arc::clone(&self.statements));
            let (composition, limits) = (Arc::clone(&self.composition), self.limits);
            let in_use = self.in_use.clone();
            let span = tracing::debug_span!("db.unit_of_work", name);
            // A client that disconnects drops this future, and running work is cancelled.
            let awaited = self.canceller.watch();
            let running = awaited.running();
            let ran = self.hops.run(move || {
                let _entered = span.entered();
                let _in_use = Counted::in_gauge(in_use);
                let mut entry = connections.check_out()?;
                // Dropped before the connection is returned.
                let Some(begun) = running.begin(entry.backend) else {
                    return Err(StoreError::Unavailable("the client is gone".into()));
                };
                let (started, before) = (Instant::now(), entry.statements.count());
                let outcome = run_on(&mut entry, &begun, access, &*composition, limits, work);
                entry.has_grown |= json::take_was_large();
                let statements = entry.statements.count() - before;
                total.fetch_add(statements, Ordering::Relaxed);
                let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
                histogram!("database_unit_of_work_duration_seconds", "name" => name)
                    .record(started.elapsed());
                tracing::debug!(name, statements, duration_ms, "unit of work finished");
                outcome
            });
            ran.await.map_err(turned_away)?
        })
    }
}

fn turned_away(not_done: NotDone) -> StoreError {
    if matches!(not_done, NotDone::TooSlow(_)) {
        return StoreError::Cancelled { why: Cancelled::TooSlow, source: not_done.into() };
    }
    let reason = match not_done {
        NotDone::QueueFull(_) => Some("queue-full"),
        NotDone::NoTurn(_) => Some("no-turn"),
        NotDone::TooSlow(_) | NotDone::Ended => None,
    };
    if let Some(reason) = reason {
        counter!("database_turned_away_total", "reason" => reason).increment(1);
    }
    StoreError::Unavailable(not_done.into())
}

/// Counts itself in a gauge while it lives.
struct Counted(Gauge);

impl Counted {
    fn in_gauge(gauge: Gauge) -> Self {
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
    entry: &mut PooledEntry,
    running: &Begun<'_>,
    access: Access,
    composition: &dyn Composition,
    limits: Limits,
    work: Work,
) -> Result<(), StoreError> {
    if access == Access::Read {
        let read = entry.run(access, |connection| {
            let composed = composition.for_reading(connection)?;
            work(&mut *composed.unit_of_work(connection, limits));
            Ok(())
        });
        return read.and_then(identity).map_err(store_error);
    }
    let begin = entry.begin_writing();
    let PooledEntry { connection, statements, .. } = entry;
    let (mut work, mut label, mut is_retry) = (Some(work), None, false);
    let outcome = loop {
        let outcome = session::transaction(connection, &begin, |connection| {
            let composed = composition.for_writing(connection)?;
            label = composed.double_write_label();
            let work = work.take().ok_or(Stop::RolledBack)?;
            let verdict = work(&mut *composed.unit_of_work(connection, limits));
            match verdict {
                TransactionEnd::Rollback => Err(Stop::RolledBack),
                TransactionEnd::Commit => {
                    if statements.take_failed() {
                        refuse_if_aborted(connection)?;
                    }
                    running.commits();
                    Ok(())
                }
            }
        });
        // Until the work is taken, nothing was done.
        if outcome.is_ok()
            || work.is_none()
            || is_retry
            || !composition.is_worth_another_try(connection)
        {
            break outcome;
        }
        is_retry = true;
    };
    let (ended, outcome) = match outcome {
        Ok(()) => ("committed", Ok(())),
        Err(Stop::RolledBack) => ("rolled_back", Ok(())),
        Err(Stop::Failed(error)) => ("failed", Err(store_error(error))),
    };
    if let Some(phase) = label {
        counter!("double_writes_total", "phase" => phase, "outcome" => ended).increment(1);
    }
    outcome
}

/// COMMIT of a transaction with a failed statement succeeds but keeps nothing; any statement before
/// it fails. A statement that failed under a savepoint leaves the transaction intact.
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
