//! The switch of phase 1b: whether organizations are provided at Clerk.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Bool, Timestamptz},
};

/// Its name, in the history and on the command line.
pub const PHASE_1B: &str = "phase-1b";

/// How the switch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Switch {
    /// Organizations are provided at Clerk.
    #[diesel(sql_type = Bool)]
    pub is_on: bool,
    /// Since when it stands so.
    #[diesel(sql_type = Timestamptz)]
    pub since: DateTime<Utc>,
}

/// How the switch stands; `None` in a database that has none.
///
/// # Errors
/// The database's.
pub fn read_switch(connection: &mut PgConnection) -> QueryResult<Option<Switch>> {
    let is_there: Exists =
        diesel::sql_query("SELECT to_regclass('clerk_switch') IS NOT NULL AS exists")
            .get_result(connection)?;
    if !is_there.exists {
        return Ok(None);
    }
    diesel::sql_query("SELECT is_on, since FROM clerk_switch").get_result(connection).map(Some)
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}
