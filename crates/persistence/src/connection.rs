//! A connection outside the pool, for tools.

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
};
use winserve_domain::unit_of_work::StoreError;

use crate::error::store_error;

/// What a refusal means is told by its English message, for diesel hides the SQLSTATE. A server may be
/// set to another language, and changing that may be a privilege.
pub(crate) const SPEAK_ENGLISH: &str = "DO $$
    BEGIN
        PERFORM set_config('lc_messages', 'C', false);
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END $$";

/// Whether the server answers in English.
fn require_english(connection: &mut PgConnection) -> Result<(), StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        language: String,
    }
    let row: Row = diesel::sql_query("SELECT current_setting('lc_messages') AS language")
        .get_result(connection)
        .map_err(store_error)?;
    let is_english =
        ["", "C", "POSIX"].contains(&row.language.as_str()) || row.language.starts_with("en");
    if is_english || row.language.starts_with("C.") {
        return Ok(());
    }
    let problem = format!(
        "the server's messages are in {}, and this role may not change that: \
         ALTER ROLE … SET lc_messages = 'C'",
        row.language
    );
    Err(StoreError::Other(problem.into()))
}

/// Connects; `application_name` shows in `pg_stat_activity`.
///
/// # Errors
/// [`StoreError::Unavailable`]; [`StoreError::Other`] when the server answers in a language that errors
/// are not told by.
pub fn connect(url: &str, application_name: &str) -> Result<PgConnection, StoreError> {
    let mut connection =
        PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.into()))?;
    diesel::sql_query("SELECT set_config('application_name', $1, false)")
        .bind::<diesel::sql_types::Text, _>(application_name)
        .execute(&mut connection)
        .map_err(store_error)?;
    connection.batch_execute(SPEAK_ENGLISH).map_err(store_error)?;
    require_english(&mut connection)?;
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
