//! A connection outside the pool, for tools.

use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use winserve_domain::unit_of_work::StoreError;

use crate::error::store_error;

/// Connects; `application_name` shows in `pg_stat_activity`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub fn connect(url: &str, application_name: &str) -> Result<PgConnection, StoreError> {
    let mut connection =
        PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.into()))?;
    diesel::sql_query("SELECT set_config('application_name', $1, false)")
        .bind::<diesel::sql_types::Text, _>(application_name)
        .execute(&mut connection)
        .map_err(store_error)?;
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
