//! Whether the database can serve now.

use diesel::{QueryableByName, RunQueryDsl as _, sql_types::Bool};
use winserve_domain::{phase::Phase, unit_of_work::StoreError};

use crate::{
    PgConnection,
    error::{is_lock_timeout, store_error},
    phase::PhaseSource,
    users,
};

/// Whether the server takes writes and has the tables; and the phase. A table that somebody has locked is
/// there, and the phase is then the one last seen.
pub(crate) fn check(
    connection: &mut PgConnection,
    phase: &PhaseSource,
) -> Result<Phase, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_read_only: bool,
    }
    let query = "SELECT current_setting('transaction_read_only')::boolean AS is_read_only";
    let row: Row = diesel::sql_query(query).get_result(connection).map_err(store_error)?;
    if row.is_read_only {
        return Err(StoreError::Unavailable("the server takes no writes".into()));
    }
    if let Err(error) = users::probe(connection)
        && !is_lock_timeout(&error)
    {
        return Err(store_error(error));
    }
    let last_seen = phase.last_seen();
    match phase.for_reading(connection) {
        Err(error) if is_lock_timeout(&error) => Ok(last_seen),
        read => read.map_err(store_error),
    }
}
