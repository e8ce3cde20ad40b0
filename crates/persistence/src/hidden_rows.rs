//! Row-level security: rows that a role cannot see would be treated as missing, so none may be
//! hidden.

use std::error::Error;

use diesel::{
    PgConnection, QueryResult, QueryableByName, RunQueryDsl as _,
    result::Error as DieselError,
    sql_types::{Array, Text},
};

use crate::{
    connect_error::ConnectError,
    error::ROW_SECURITY,
    migrate::{LEGACY_TABLES, added_relations},
};

/// Policies of tables apply to the role.
#[derive(Debug, thiserror::Error)]
#[error(
    "row-level security may hide rows of {} from the role {role}, so results would be incomplete; \
     connect as the owner of the tables, or run as a superuser: ALTER ROLE {role} BYPASSRLS",
    tables.join(", ")
)]
pub struct HiddenRows {
    /// Tables with policies.
    pub tables: Vec<String>,
    /// The role, quoted for SQL if needed.
    pub role: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Array<Text>)]
    tables: Vec<String>,
    #[diesel(sql_type = Text)]
    role: String,
}

/// Our tables that may hide rows from this role; `None` if there are none.
pub(crate) fn find(connection: &mut PgConnection) -> QueryResult<Option<HiddenRows>> {
    let names: Vec<&str> = LEGACY_TABLES.into_iter().chain(added_relations()).collect();
    let row: Row = diesel::sql_query(
        "SELECT ARRAY(SELECT relname::text FROM pg_class
                      WHERE relname = ANY($1) AND relkind IN ('r', 'p') AND pg_table_is_visible(oid)
                        AND row_security_active(oid)
                      ORDER BY relname) AS tables,
                quote_ident(current_user) AS role",
    )
    .bind::<Array<Text>, _>(names)
    .get_result(connection)?;
    let Row { tables, role } = row;
    Ok((!tables.is_empty()).then_some(HiddenRows { tables, role }))
}

/// # Errors
/// [`ConnectError::HiddenRows`].
pub(crate) fn refuse(connection: &mut PgConnection) -> Result<(), ConnectError> {
    find(connection)?.map_or(Ok(()), |hidden| Err(hidden.into()))
}

/// Whether an error says that rows are hidden, even by policies created after the session began.
#[must_use]
pub fn is_about_hidden_rows(error: &(dyn Error + 'static)) -> bool {
    let is_refusal = |error: &DieselError| matches!(error, DieselError::DatabaseError(_, it) if it.message().contains(ROW_SECURITY));
    error.is::<HiddenRows>()
        || matches!(error.downcast_ref(), Some(ConnectError::HiddenRows(_)))
        || error.downcast_ref().is_some_and(is_refusal)
}
