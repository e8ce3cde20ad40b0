//! Whether the database can serve now.

use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, sql_types::Bool};
use winserve_domain::base::StoreError;

use crate::{
    PgConnection,
    composition::Composition,
    error::{is_disk_full, is_lock_timeout, store_error},
    hidden_rows,
    server_state::ServerState,
    users,
};

/// Whether the server is writable and has the tables; and the phase. A table locked by another
/// session exists, and the last known phase still applies.
pub(crate) fn check(
    connection: &mut PgConnection,
    composition: &dyn Composition,
    server: &ServerState,
) -> Result<&'static str, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_read_only: bool,
    }
    let query = "SELECT current_setting('transaction_read_only')::boolean AS is_read_only";
    let row: Row = diesel::sql_query(query).get_result(connection).map_err(store_error)?;
    if row.is_read_only {
        return Err(StoreError::Unavailable("the server is read-only".into()));
    }
    if server.may_be_full() {
        write_something(connection)?;
        server.note_room();
    }
    if let Some(hidden) = hidden_rows::find(connection).map_err(store_error)? {
        return Err(StoreError::Unavailable(hidden.into()));
    }
    // Each check has its own transaction, so that the next one can run after a failure.
    if let Err(error) = connection.transaction(users::probe)
        && !is_lock_timeout(&error)
    {
        return Err(store_error(error));
    }
    composition.check(connection)
}

/// Writes to a temporary file. Without the privilege for temporary tables this cannot be checked;
/// then the next real write shows it.
fn write_something(connection: &mut PgConnection) -> Result<(), StoreError> {
    let written = connection.transaction(|connection| {
        diesel::sql_query(
            "CREATE TEMPORARY TABLE winserve_room ON COMMIT DROP AS
             SELECT repeat(md5(n::text), 100) AS filler FROM generate_series(1, 20) AS n",
        )
        .execute(connection)
    });
    match written {
        Err(error) if is_disk_full(&error) => Err(store_error(error)),
        _ => Ok(()),
    }
}
