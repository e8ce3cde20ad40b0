//! A connection outside the pool, for tools.

use std::time::Duration;

use diesel::{PgConnection, QueryResult, RunQueryDsl as _, connection::SimpleConnection as _};
use winserve_domain::base::StoreError;

use crate::{
    backends::{Backend, announce},
    connect_error::ConnectError,
    error::store_error,
    hidden_rows,
    session::{self, REQUIREMENTS, Settings, Timeouts},
    url::with_limits,
};

/// How long a host may take to answer before the next one in the URL is tried; seconds.
const CONNECT_TIMEOUT: &str = "10";

/// Checks at process start whether the server can be used.
///
/// # Errors
/// [`ConnectError`].
pub fn check_server(url: &str) -> Result<(), ConnectError> {
    session::open(&with_limits(url, "2"), false).map(drop)
}

/// Connects directly to the server; `application_name` shows in `pg_stat_activity`.
///
/// # Errors
/// [`ConnectError`]; [`ConnectError::Session`] if the server's messages are not in English.
pub fn connect(url: &str, application_name: &str) -> Result<PgConnection, ConnectError> {
    connect_with(url, application_name, Timeouts::NONE)
}

/// [`connect`] for sessions with timeouts.
///
/// # Errors
/// See [`connect`].
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

/// Connects the watcher of this process's other connections; its own connection is not watched.
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

/// Whether the server is a read-only standby.
///
/// # Errors
/// If the database fails.
pub fn is_standby(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::select(pg_is_in_recovery()).get_result(connection)
}

diesel::define_sql_function! {
    fn pg_is_in_recovery() -> diesel::sql_types::Bool;
}

/// Runs a report in one read-only snapshot without a time limit, because it may read whole tables.
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
