//! Demo rows, and the people in them.

use diesel::{
    OptionalExtension as _, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_types::{Bool, Integer, Text},
};
use winserve_persistence::PgConnection;

const DEMO_ROWS: &str = include_str!("demo.sql");
const DEMO_TABLES: &str = include_str!("demo_tables.sql");
const CLERK_PEOPLE: &str = include_str!("clerk_people.sql");
const CLERK_FORGOTTEN: &str = include_str!("clerk_forgotten.sql");
const CLERK_WAITING: &str = include_str!("clerk_waiting.sql");

/// The candidate in the demo rows.
const DEMO_CANDIDATE: i32 = 1_000_000_001;
/// Ids of demo rows begin here; generated rows count from 1.
const FIRST_ID: i32 = DEMO_CANDIDATE;

/// Somebody in the demo rows.
pub(crate) struct DemoPerson {
    id: i32,
    /// Their id in Clerk.
    pub(crate) clerk_id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) is_staff: bool,
    /// Whether the welcome text offers them: one of each kind.
    pub(crate) is_typical: bool,
}

const PEOPLE: [DemoPerson; 6] = [
    typical(DEMO_CANDIDATE, "user_carla", "candidate"),
    typical(1_000_000_002, "user_oscar", "official who runs again"),
    DemoPerson { is_staff: true, ..typical(1_000_000_003, "user_ada", "staff") },
    other(1_000_000_004, "user_nora", "candidate for an office without a district"),
    other(1_000_000_005, "user_pat", "candidate with two campaigns without a date"),
    other(1_000_000_006, "user_sam", "former official with three campaigns"),
];

const fn typical(id: i32, clerk_id: &'static str, what: &'static str) -> DemoPerson {
    DemoPerson { is_typical: true, ..other(id, clerk_id, what) }
}

const fn other(id: i32, clerk_id: &'static str, what: &'static str) -> DemoPerson {
    DemoPerson { id, clerk_id, what, is_staff: false, is_typical: false }
}

/// A user.
#[derive(Clone, QueryableByName)]
pub(crate) struct User {
    #[diesel(sql_type = Integer)]
    pub(crate) id: i32,
    #[diesel(sql_type = Text)]
    pub(crate) name: String,
    #[diesel(sql_type = Text)]
    pub(crate) email: String,
}

/// Whom the database has.
pub(crate) struct People {
    /// The demo candidate, or the first user with a campaign.
    pub(crate) somebody: Option<User>,
    /// Those of the demo rows.
    pub(crate) demo: Vec<(DemoPerson, User)>,
    /// Whether there are users who are not from the demo: their data may be a copy of the live one.
    pub(crate) has_others: bool,
}

/// Loads the demo rows, once, into the private cluster, or into a database without users: a configured database may
/// be a copy of the live one.
pub(crate) fn load(connection: &mut PgConnection, is_private: bool) -> diesel::QueryResult<()> {
    let has_demo =
        holds(connection, &format!(r#"EXISTS (SELECT FROM "user" WHERE id >= {FIRST_ID})"#))?;
    let is_ours = is_private || !holds(connection, r#"EXISTS (SELECT FROM "user")"#)?;
    if is_ours && !has_demo { execute(connection, DEMO_ROWS) } else { Ok(()) }
}

/// Adds what the tables of the old service cannot say.
pub(crate) fn complete(connection: &mut PgConnection) -> diesel::QueryResult<()> {
    execute(connection, DEMO_TABLES)
}

/// Links the people to their users in the emulator of Clerk.
pub(crate) fn link_to_clerk(connection: &mut PgConnection) -> diesel::QueryResult<()> {
    execute(connection, CLERK_PEOPLE)
}

/// Lets `api` create every organization in an emulator of Clerk that has just been started.
pub(crate) fn forget_clerk(connection: &mut PgConnection) -> diesel::QueryResult<()> {
    if !has_clerk_outbox(connection)? {
        return Ok(());
    }
    execute(connection, CLERK_FORGOTTEN)
}

/// Lets two organizations wait for Clerk.
pub(crate) fn keep_clerk_waiting(connection: &mut PgConnection) -> diesel::QueryResult<()> {
    if !has_clerk_outbox(connection)? {
        return Ok(());
    }
    execute(connection, CLERK_WAITING)
}

pub(crate) fn people(connection: &mut PgConnection) -> diesel::QueryResult<People> {
    let name = r#"SELECT id, coalesce(nullif(name, ''), email) AS name, email FROM "user""#;
    let users: Vec<User> =
        diesel::sql_query(format!("{name} WHERE id >= {FIRST_ID}")).load(connection)?;
    let somebody = diesel::sql_query(format!(
        r#"{name} WHERE EXISTS (SELECT FROM campaign WHERE user_id = "user".id)
           ORDER BY id <> {DEMO_CANDIDATE}, id LIMIT 1"#
    ))
    .get_result(connection)
    .optional()?;
    let has_others =
        holds(connection, &format!(r#"EXISTS (SELECT FROM "user" WHERE id < {FIRST_ID})"#))?;
    let known = PEOPLE.into_iter().filter_map(|person| {
        let user = users.iter().find(|user| user.id == person.id)?.clone();
        Some((person, user))
    });
    Ok(People { somebody, demo: known.collect(), has_others })
}

fn has_clerk_outbox(connection: &mut PgConnection) -> diesel::QueryResult<bool> {
    holds(connection, "to_regclass('clerk_outbox') IS NOT NULL")
}

fn holds(connection: &mut PgConnection, condition: &str) -> diesel::QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        holds: bool,
    }
    diesel::sql_query(format!("SELECT {condition} AS holds"))
        .get_result(connection)
        .map(|row: Row| row.holds)
}

/// All or nothing, so that a start that was killed can be repeated.
fn execute(connection: &mut PgConnection, statements: &str) -> diesel::QueryResult<()> {
    connection.batch_execute(&format!("BEGIN; {statements} COMMIT;"))
}
