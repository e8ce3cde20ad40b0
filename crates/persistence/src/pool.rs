//! Pooled connections that know how they fare.
//!
//! r2d2's check on every check-out would cost a round trip a request (a third of the time of a
//! simple read). Instead a connection is checked only after a failed statement or when it lay idle,
//! so that a restarted database costs nobody an error for long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _,
    connection::{InstrumentationEvent, SimpleConnection as _},
    r2d2::{ConnectionManager, ManageConnection, Pool, PooledConnection},
};
use winserve_domain::unit_of_work::StoreError;

use crate::connection::SPEAK_ENGLISH;

/// A connection that lay idle longer than this is asked whether it still lives.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// What a connection's statements did, noted by diesel's instrumentation.
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

    /// Whether one failed since the last call.
    pub(crate) fn take_failed(&self) -> bool {
        self.failed.swap(false, Ordering::Relaxed)
    }

    fn note(&self, event: &InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => {
                self.count.fetch_add(1, Ordering::Relaxed);
            }
            InstrumentationEvent::FinishQuery { error: Some(_), .. } => {
                self.failed.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

/// A connection of the pool.
pub(crate) struct Tracked {
    pub(crate) connection: PgConnection,
    pub(crate) statements: Arc<Statements>,
    last_used: Instant,
    /// Whether it carried so much that libpq keeps a large buffer for it: it is thrown away then.
    pub(crate) has_grown: bool,
}

impl Tracked {
    fn ping(&mut self) -> Result<(), diesel::result::Error> {
        diesel::sql_query("SELECT 1").execute(&mut self.connection).map(drop)
    }
}

/// Opens connections with the session settings that all of them share.
pub(crate) struct Manager {
    inner: ConnectionManager<PgConnection>,
    session: String,
}

impl Manager {
    /// `application_name` shows in `pg_stat_activity`.
    pub(crate) fn new(url: &str, application_name: &str) -> Self {
        let name = application_name.replace('\'', "''");
        Self {
            inner: ConnectionManager::new(with_timeouts(url)),
            session: format!(
                "SET application_name = '{name}'; SET statement_timeout = '15s'; \
                 SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '30s'; \
                 SET TimeZone = 'UTC'; {SPEAK_ENGLISH}"
            ),
        }
    }
}

/// Adds what makes libpq notice a server that hangs or is gone, unless the URL says it already.
fn with_timeouts(url: &str) -> String {
    let timeouts =
        [("connect_timeout", "5"), ("tcp_user_timeout", "20000"), ("keepalives_idle", "30")];
    timeouts.iter().filter(|(name, _)| !url.contains(name)).fold(
        url.to_owned(),
        |url, (name, value)| {
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}{name}={value}")
        },
    )
}

impl ManageConnection for Manager {
    type Connection = Tracked;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Tracked, Self::Error> {
        let mut connection = self.inner.connect()?;
        connection.batch_execute(&self.session).map_err(diesel::r2d2::Error::QueryError)?;
        let statements = Arc::new(Statements::default());
        let noted = Arc::clone(&statements);
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| noted.note(&event));
        Ok(Tracked { connection, statements, last_used: Instant::now(), has_grown: false })
    }

    fn is_valid(&self, tracked: &mut Tracked) -> Result<(), Self::Error> {
        tracked.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, tracked: &mut Tracked) -> bool {
        tracked.last_used = Instant::now();
        tracked.has_grown
            || self.inner.has_broken(&mut tracked.connection)
            || (tracked.statements.take_failed() && tracked.ping().is_err())
    }
}

/// Takes a living connection out of the pool.
pub(crate) fn check_out(pool: &Pool<Manager>) -> Result<PooledConnection<Manager>, StoreError> {
    loop {
        let mut tracked = pool.get().map_err(|error| StoreError::Unavailable(error.into()))?;
        if tracked.last_used.elapsed() < TRUSTED_IDLE || tracked.ping().is_ok() {
            tracked.statements.take_failed();
            return Ok(tracked);
        }
        // Dropped, it is found broken and replaced; with the database away, `get` runs out of time.
    }
}
