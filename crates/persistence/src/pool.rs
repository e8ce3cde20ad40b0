//! Pooled connections that track their health.
//!
//! r2d2's check on every checkout would cost one round trip per request (a third of the time of a
//! simple read). Instead, a connection is checked only after a failed statement or when it was
//! idle, so that a restarted database causes errors only briefly.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    Connection as _, PgConnection, QueryResult,
    connection::{CacheSize, InstrumentationEvent, SimpleConnection as _},
    r2d2::{ManageConnection, NopErrorHandler, Pool, PooledConnection, R2D2Connection as _},
};
use winserve_domain::{base::StoreError, database::Access};

use crate::{
    backends::{Backend, Listed},
    connect_error::ConnectError,
    error::{ServerTrouble, server_trouble},
    server_state::{Birth, ServerState},
    session::{self, Opened, REQUIREMENTS, Settings, Timeouts},
    url::with_limits,
};

/// A connection that was idle longer than this is checked.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Statement timeout of a request.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum idle time inside a transaction.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);
/// r2d2 reconnects after half of this.
const RETRY_CYCLE: Duration = Duration::from_secs(1);
/// Seconds that a host may take to accept a connection.
const CONNECT_TIMEOUT: &str = "2";
/// How often a caller that waits for a new connection checks whether the server refuses.
const LOOK: Duration = Duration::from_millis(50);

/// Statement results of a connection, recorded by diesel's instrumentation.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    count: AtomicU64,
    failed: AtomicBool,
}

impl Statements {
    /// Statements sent so far, BEGIN and COMMIT included.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether a statement failed since the last call.
    pub(crate) fn take_failed(&self) -> bool {
        self.failed.swap(false, Ordering::Relaxed)
    }
}

/// A connection of the pool.
pub(crate) struct PooledEntry {
    pub(crate) connection: PgConnection,
    pub(crate) statements: Arc<Statements>,
    /// The server process behind it; `None` behind a pooler, where it may change at any moment.
    pub(crate) backend: Option<Backend>,
    _listed: Option<Listed>,
    /// How its transactions begin if they set their own settings: behind a pooler.
    begin: Option<Arc<Begin>>,
    birth: Birth,
    last_used: Instant,
    /// Whether libpq keeps a large buffer after a large result; such a connection is discarded.
    pub(crate) has_grown: bool,
}

/// Statements that begin a transaction with its settings.
#[derive(Debug)]
struct Begin {
    reading: String,
    writing: String,
}

impl PooledEntry {
    /// Runs a task with the session's settings, or inside a transaction that sets them. A
    /// transaction within the task is then a savepoint.
    pub(crate) fn run<T>(
        &mut self,
        access: Access,
        task: impl FnOnce(&mut PgConnection) -> T,
    ) -> QueryResult<T> {
        let Some(begin) = self.begin.clone() else { return Ok(task(&mut self.connection)) };
        let begin = if access == Access::Read { &begin.reading } else { &begin.writing };
        session::transaction(&mut self.connection, begin, |connection| Ok(task(connection)))
    }

    /// Begins a write transaction.
    pub(crate) fn begin_writing(&self) -> String {
        self.begin.as_ref().map_or_else(|| "BEGIN".to_owned(), |begin| begin.writing.clone())
    }

    fn ping(&mut self) -> QueryResult<()> {
        self.connection.batch_execute("SELECT 1")
    }

    /// Whether it can be reused.
    pub(crate) fn is_alive(&mut self, server: &ServerState) -> bool {
        let is_trusted = self.last_used.elapsed() < TRUSTED_IDLE;
        let is_alive = !server.is_outdated(self.birth) && (is_trusted || self.ping().is_ok());
        if is_alive {
            self.statements.take_failed();
        }
        is_alive
    }

    /// Records failures, for this and the other connections.
    fn observe(&mut self, server: &Arc<ServerState>) {
        let (statements, server) = (Arc::clone(&self.statements), Arc::clone(server));
        let birth = self.birth;
        self.connection.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { .. } => {
                statements.count.fetch_add(1, Ordering::Relaxed);
            }
            InstrumentationEvent::FinishQuery { error: Some(error), .. } => {
                statements.failed.store(true, Ordering::Relaxed);
                match server_trouble(error) {
                    Some(ServerTrouble::WrongServer) => server.replace(birth),
                    Some(ServerTrouble::DiskFull) => server.note_full(),
                    None => {}
                }
            }
            _ => {}
        });
    }
}

/// Opens connections with the same settings for all statements.
pub(crate) struct Manager {
    url: String,
    session: String,
    /// For connections without a dedicated session.
    begin: Arc<Begin>,
    server: Arc<ServerState>,
}

impl Manager {
    /// `application_name` shows in `pg_stat_activity`.
    pub(crate) fn new(
        url: &str,
        application_name: &str,
        lock_timeout: Duration,
        server: &Arc<ServerState>,
    ) -> Self {
        let timeouts = Timeouts {
            statement: STATEMENT_TIMEOUT,
            lock: lock_timeout,
            idle_in_transaction: IDLE_IN_TRANSACTION_TIMEOUT,
        };
        let settings = Settings::new(application_name, timeouts);
        Self {
            url: with_limits(url, CONNECT_TIMEOUT),
            session: settings.for_session(),
            begin: Arc::new(Begin {
                reading: settings.for_transaction("READ ONLY"),
                writing: settings.for_transaction("READ WRITE"),
            }),
            server: Arc::clone(server),
        }
    }

    fn open(&self) -> Result<PooledEntry, ConnectError> {
        let birth = self.server.birth();
        let Opened { mut connection, keeps_settings, refuses_settings } =
            session::open(&self.url, self.server.refuses_settings())?;
        connection.batch_execute(&REQUIREMENTS.concat())?;
        let begin = if keeps_settings {
            connection.batch_execute(&self.session)?;
            None
        } else {
            self.server.note_pooler(refuses_settings);
            // Another session does not have the prepared statements of this one.
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
            Some(Arc::clone(&self.begin))
        };
        let backend = if begin.is_none() { Some(Backend::of(&mut connection)?) } else { None };
        let mut entry = PooledEntry {
            connection,
            statements: Arc::default(),
            backend,
            _listed: backend.map(Backend::listed),
            begin,
            birth,
            last_used: Instant::now(),
            has_grown: false,
        };
        entry.observe(&self.server);
        Ok(entry)
    }

    /// A used connection if it can be reused, otherwise a new one.
    pub(crate) fn renew(&self, old: Option<PooledEntry>) -> Result<PooledEntry, ConnectError> {
        if let Some(mut entry) = old
            && entry.is_alive(&self.server)
        {
            return Ok(entry);
        }
        self.connect()
    }

    /// Whether a connection must be replaced after use.
    pub(crate) fn is_unusable(&self, entry: &mut PooledEntry) -> bool {
        entry.last_used = Instant::now();
        entry.has_grown
            || self.server.is_outdated(entry.birth)
            || std::thread::panicking()
            || entry.connection.is_broken()
            || (entry.statements.take_failed() && entry.ping().is_err())
    }
}

impl ManageConnection for Manager {
    type Connection = PooledEntry;
    type Error = ConnectError;

    fn connect(&self) -> Result<PooledEntry, Self::Error> {
        let attempt = self.open();
        self.server.note_attempt(&attempt);
        attempt
    }

    fn is_valid(&self, entry: &mut PooledEntry) -> Result<(), Self::Error> {
        Ok(entry.ping()?)
    }

    fn has_broken(&self, entry: &mut PooledEntry) -> bool {
        self.is_unusable(entry)
    }
}

/// The connections for units of work, one per thread, so that no thread waits for a connection.
pub(crate) struct Connections {
    pool: Pool<Manager>,
    server: Arc<ServerState>,
    /// How long a new connection may take.
    patience: Duration,
}

impl Connections {
    /// Opened on demand.
    pub(crate) fn new(
        manager: Manager,
        server: &Arc<ServerState>,
        size: u32,
        patience: Duration,
    ) -> Self {
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(RETRY_CYCLE)
            // Failures are logged once, by the server state.
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(manager);
        Self { pool, server: Arc::clone(server), patience }
    }

    /// Takes a live connection out of the pool.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: immediately while the server refuses connections.
    pub(crate) fn check_out(&self) -> Result<PooledConnection<Manager>, StoreError> {
        let started = Instant::now();
        loop {
            let mut entry = match self.pool.try_get() {
                Some(entry) => entry,
                None => self.connect(started)?,
            };
            if entry.is_alive(&self.server) {
                return Ok(entry);
            }
            // When dropped, it is found unusable and leaves the pool.
        }
    }

    /// Waits for a new connection. r2d2 keeps retrying after a failure, so the wait would last
    /// until the timeout.
    fn connect(&self, started: Instant) -> Result<PooledConnection<Manager>, StoreError> {
        loop {
            self.server.require_reachable()?;
            match self.pool.get_timeout(LOOK) {
                Ok(entry) => return Ok(entry),
                Err(error) if started.elapsed() >= self.patience => {
                    return Err(StoreError::Unavailable(error.into()));
                }
                Err(_still_connecting) => {}
            }
        }
    }
}
