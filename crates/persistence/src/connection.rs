//! A connection outside the pool, for tools.

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, connection::SimpleConnection as _};
use winserve_domain::unit_of_work::StoreError;

use crate::{
    backends::{Backend, announce},
    error::store_error,
};

/// What a refusal means is told by its English message, for diesel hides the SQLSTATE. A server may be
/// set to another language, and changing that is a privilege unless somebody grants it. Without it, a
/// connection in another language is refused: a passing fault would look like a defect.
pub(crate) const SPEAK_ENGLISH: &str = "DO $$
    BEGIN
        PERFORM set_config('lc_messages', 'C', false);
    EXCEPTION WHEN insufficient_privilege THEN
        IF current_setting('lc_messages') !~ '^((C|POSIX)?([.]|$)|en)' THEN
            RAISE 'the messages of the server are in the language %, and this role may not change that; run as a superuser: ALTER ROLE % SET lc_messages = ''C''',
                current_setting('lc_messages'), quote_ident(session_user);
        END IF;
    END $$";

/// What a role or a database limits for the sake of its users: a tool reads whole tables, builds indexes and
/// validates constraints, which takes as long as it takes.
const LIFT_LIMITS: &str = "SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN ('statement_timeout', 'transaction_timeout')";

/// Connects a tool, without limits of time; `application_name` shows in `pg_stat_activity`.
///
/// # Errors
/// [`StoreError::Unavailable`]; [`StoreError::Other`] when the server answers in a language other than
/// English.
pub fn connect(url: &str, application_name: &str) -> Result<PgConnection, StoreError> {
    let connecting = announce("the database to accept a connection");
    let mut connection = open(url, application_name)?;
    drop(connecting);
    diesel::sql_query(LIFT_LIMITS).execute(&mut connection).map_err(store_error)?;
    Backend::of(&mut connection).map_err(store_error)?.listed().for_good();
    Ok(connection)
}

/// Connects somebody who looks after the other connections of this process, and is none of them.
///
/// # Errors
/// See [`connect`].
pub fn connect_watcher(url: &str) -> Result<PgConnection, StoreError> {
    let mut connection = open(url, "winserve-watcher")?;
    connection
        .batch_execute("SET statement_timeout = '2s'; SET lock_timeout = '1s'")
        .map_err(store_error)?;
    Ok(connection)
}

fn open(url: &str, application_name: &str) -> Result<PgConnection, StoreError> {
    let mut connection =
        PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.into()))?;
    diesel::sql_query("SELECT set_config('application_name', $1, false)")
        .bind::<diesel::sql_types::Text, _>(application_name)
        .execute(&mut connection)
        .map_err(store_error)?;
    connection.batch_execute(SPEAK_ENGLISH).map_err(store_error)?;
    Ok(connection)
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
