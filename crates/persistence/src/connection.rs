//! A connection outside the pool, for tools.

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, connection::SimpleConnection as _};
use winserve_domain::unit_of_work::StoreError;

use crate::error::store_error;

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

/// Connects; `application_name` shows in `pg_stat_activity`.
///
/// # Errors
/// [`StoreError::Unavailable`]; [`StoreError::Other`] when the server answers in a language other than
/// English.
pub fn connect(url: &str, application_name: &str) -> Result<PgConnection, StoreError> {
    let mut connection =
        PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.into()))?;
    diesel::sql_query("SELECT set_config('application_name', $1, false)")
        .bind::<diesel::sql_types::Text, _>(application_name)
        .execute(&mut connection)
        .map_err(store_error)?;
    connection.batch_execute(SPEAK_ENGLISH).map_err(store_error)?;
    Ok(connection)
}

/// Runs a report in one snapshot that cannot write, not even by mistake.
///
/// # Errors
/// Those of the report, and [`StoreError`].
pub fn read_snapshot<T>(
    connection: &mut PgConnection,
    report: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut failed = None;
    let outcome = connection.build_transaction().repeatable_read().read_only().run(|connection| {
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
