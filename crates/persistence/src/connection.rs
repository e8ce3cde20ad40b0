//! A connection outside the pool, for tools.

use std::time::Duration;

use diesel::{
    ConnectionError, PgConnection, QueryResult, RunQueryDsl as _,
    connection::SimpleConnection as _, result::Error as DieselError,
};
use winserve_domain::base::StoreError;

use crate::{
    backends::{Backend, announce},
    error::store_error,
    hidden_rows::{self, HiddenRows},
    refused::NoConnection,
    session::{self, OLDEST_SERVER, REQUIREMENTS, Settings, Timeouts},
    url::with_limits,
};

/// A host that does not answer keeps the next one of the URL waiting no longer; seconds.
const CONNECT_TIMEOUT: &str = "10";

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answered, or the server refused.
    #[error(transparent)]
    Unavailable(NoConnection),
    /// The server is older than any that works.
    #[error(
        "the server is PostgreSQL {found}, and {OLDEST_SERVER} is the oldest that works: upgrade it; \
         nothing was changed"
    )]
    TooOld {
        /// Its version, as it says it.
        found: String,
    },
    /// A pooler may run each transaction in another session.
    #[error(
        "database.url leads through a connection pooler, and this tool needs sessions of its own, for their \
         locks and settings; set WINSERVE__DATABASE__URL to the server itself, which the pooler reaches at \
         {server}"
    )]
    Pooled {
        /// The server's address, as the pooler knows it.
        server: String,
    },
    /// Rows that cannot be seen would be taken for absent.
    #[error(transparent)]
    HiddenRows(#[from] HiddenRows),
    /// The server refused what every session begins with.
    #[error("the session cannot be prepared")]
    Session(#[from] DieselError),
}

impl From<ConnectionError> for ConnectError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::CouldntSetupConfiguration(error) => Self::Session(error),
            error => Self::Unavailable(error.into()),
        }
    }
}

impl From<ConnectError> for StoreError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Session(error) => store_error(error),
            error @ ConnectError::Unavailable(_) => Self::Unavailable(error.into()),
            error @ (ConnectError::TooOld { .. }
            | ConnectError::Pooled { .. }
            | ConnectError::HiddenRows(_)) => Self::Other(error.into()),
        }
    }
}

/// Whether the server can be used at all, for a process that begins.
///
/// # Errors
/// [`ConnectError`].
pub fn check_server(url: &str) -> Result<(), ConnectError> {
    session::open(&with_limits(url, "2"), false).map(drop)
}

/// Connects to the server itself; `application_name` shows in `pg_stat_activity`.
///
/// # Errors
/// [`ConnectError`]; [`ConnectError::Session`] when the server answers in a language other than English.
pub fn connect(url: &str, application_name: &str) -> Result<PgConnection, ConnectError> {
    connect_with(url, application_name, Timeouts::NONE)
}

/// [`connect`] for sessions whose waits have limits.
pub fn connect_with(
    url: &str,
    application_name: &str,
    timeouts: Timeouts,
) -> Result<PgConnection, ConnectError> {
    let connecting = announce("the database to accept a connection");
    let mut connection = open(url, application_name, timeouts)?;
    drop(connecting);
    hidden_rows::refuse(&mut connection)?;
    Backend::of(&mut connection)?.listed().for_good();
    Ok(connection)
}

/// Connects somebody who looks after the other connections of this process, and is none of them.
///
/// # Errors
/// [`ConnectError`].
pub fn connect_watcher(url: &str) -> Result<PgConnection, ConnectError> {
    let timeouts = Timeouts {
        statement: Duration::from_secs(2),
        lock: Duration::from_secs(1),
        idle_in_transaction: Duration::ZERO,
    };
    open(url, "winserve-watcher", timeouts)
}

fn open(
    url: &str,
    application_name: &str,
    timeouts: Timeouts,
) -> Result<PgConnection, ConnectError> {
    let opened = session::open(&with_limits(url, CONNECT_TIMEOUT), false)?;
    let mut connection = opened.connection;
    if !opened.keeps_settings {
        let server = session::server_behind(&mut connection)?;
        return Err(ConnectError::Pooled { server });
    }
    connection.batch_execute(&REQUIREMENTS.concat())?;
    connection.batch_execute(&Settings::new(application_name, timeouts).for_session())?;
    Ok(connection)
}

/// Whether the server is a standby, which takes no writes.
///
/// # Errors
/// The database's.
pub fn is_standby(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::select(pg_is_in_recovery()).get_result(connection)
}

diesel::define_sql_function! {
    fn pg_is_in_recovery() -> diesel::sql_types::Bool;
}

/// Runs a report in one snapshot that cannot write, not even by mistake, and without a limit of time: it may
/// read whole tables.
///
/// # Errors
/// Those of the report, and [`StoreError`].
pub fn read_snapshot<T>(
    connection: &mut PgConnection,
    report: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut failed = None;
    let outcome = connection.build_transaction().repeatable_read().read_only().run(|connection| {
        connection.batch_execute("SET LOCAL statement_timeout = 0")?;
        report(connection).map_err(|error| {
            failed = Some(error);
            diesel::result::Error::RollbackTransaction
        })
    });
    match (outcome, failed) {
        (_, Some(error)) => Err(error),
        (outcome, None) => outcome.map_err(store_error),
    }
}
