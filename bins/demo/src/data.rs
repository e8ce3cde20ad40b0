//! Demo rows, and the user whose token is shown.

use diesel::{
    OptionalExtension as _, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_types::{Bool, Integer, Text},
};
use winserve_persistence::PgConnection;

const DEMO_ROWS: &str = include_str!("demo.sql");
/// The candidate in the demo rows.
const DEMO_CANDIDATE: i32 = 1_000_000_001;

/// A user with a campaign.
#[derive(QueryableByName)]
pub(crate) struct Person {
    #[diesel(sql_type = Integer)]
    pub(crate) id: i32,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Text)]
    pub(crate) email: String,
}

#[derive(QueryableByName)]
struct HasUsers {
    #[diesel(sql_type = Bool)]
    has_users: bool,
}

/// Loads the demo rows into the private cluster, or into a database without users: a configured database may
/// be a copy of the live one.
pub(crate) fn load(connection: &mut PgConnection, is_private: bool) -> diesel::QueryResult<()> {
    let found: HasUsers = diesel::sql_query(r#"SELECT EXISTS (SELECT FROM "user") AS has_users"#)
        .get_result(connection)?;
    if is_private || !found.has_users {
        connection.batch_execute(&format!("BEGIN; {DEMO_ROWS} COMMIT;"))?;
    }
    Ok(())
}

/// The demo candidate, or the first user with a campaign.
pub(crate) fn somebody(connection: &mut PgConnection) -> diesel::QueryResult<Option<Person>> {
    diesel::sql_query(
        r#"SELECT id, coalesce(nullif(name, ''), email) AS name, email FROM "user"
           WHERE EXISTS (SELECT FROM campaign WHERE user_id = "user".id)
           ORDER BY id <> $1, id LIMIT 1"#,
    )
    .bind::<Integer, _>(DEMO_CANDIDATE)
    .get_result(connection)
    .optional()
}
