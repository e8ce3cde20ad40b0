//! Applies the groups of migrations, by command and never by a starting server.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use serde::Serialize;
use winserve_domain::unit_of_work::Source;

use crate::{campaigns, users};

const BASELINE: EmbeddedMigrations = embed_migrations!("../../migrations/baseline");

/// Tables of the old service that the baseline creates.
pub const LEGACY_TABLES: [&str; 11] = [
    "user",
    "campaign",
    "path_to_victory",
    "elected_office",
    "voter_file_filter",
    "poll",
    "poll_individual_message",
    "poll_issues",
    "_PollIndividualMessageToPollIssue",
    "campaign_update_history",
    "outreach",
];

/// Any number: it only has to be the same in every process that migrates.
const MIGRATION_LOCK: i64 = 7_746_532_101;
const LOCK_RETRY: Duration = Duration::from_millis(100);
const LOCK_TRIES: u32 = 300;

/// What `baseline` found or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The database was empty; the tables were created.
    Created,
    /// The tables were there; nothing was touched.
    Recognised,
    /// The tables are not there; a dry run creates nothing.
    WouldCreate,
}

/// Why a migration was not applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Some of the old service's tables are there, some are not.
    #[error("this is neither an empty database nor the old service's: {} missing", missing.join(", "))]
    Incomplete {
        /// The tables that are missing.
        missing: Vec<&'static str>,
    },
    /// None of the old service's tables is there.
    #[error("the database is empty; `backfill migrate baseline` creates the old service's tables")]
    Empty,
    /// The tables are there, but not with the columns that the program reads.
    #[error("the tables of the old service are not as expected")]
    Unexpected(#[source] Source),
    /// Another process migrates, and does not come to an end.
    #[error("another process holds the migration lock")]
    Locked,
    /// A migration failed.
    #[error("the migration failed")]
    Failed(#[source] Source),
}

impl From<diesel::result::Error> for MigrateError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Creates the old service's tables in an empty database, and leaves a database alone that has
/// them.
///
/// # Errors
/// See [`MigrateError`]; nothing is written then.
pub fn baseline(connection: &mut PgConnection, dry_run: bool) -> Result<Baseline, MigrateError> {
    if dry_run {
        return baseline_state(connection);
    }
    with_lock(connection, |connection| match baseline_state(connection)? {
        Baseline::WouldCreate => {
            connection.run_pending_migrations(BASELINE).map_err(MigrateError::Failed)?;
            Ok(Baseline::Created)
        }
        state => Ok(state),
    })
}

/// Makes sure that the database is the old service's.
///
/// # Errors
/// [`MigrateError::Empty`], [`MigrateError::Incomplete`] or [`MigrateError::Unexpected`].
pub fn require_legacy_tables(connection: &mut PgConnection) -> Result<(), MigrateError> {
    match baseline_state(connection)? {
        Baseline::WouldCreate => Err(MigrateError::Empty),
        Baseline::Recognised | Baseline::Created => Ok(()),
    }
}

/// Drops the old service's tables again; tests prove with it that `down.sql` undoes `up.sql`.
///
/// # Errors
/// [`MigrateError::Failed`] when the baseline was not applied by us.
pub fn revert_baseline(connection: &mut PgConnection) -> Result<(), MigrateError> {
    with_lock(connection, |connection| {
        connection.revert_all_migrations(BASELINE).map(drop).map_err(MigrateError::Failed)
    })
}

fn baseline_state(connection: &mut PgConnection) -> Result<Baseline, MigrateError> {
    let present = present_tables(connection)?;
    let missing: Vec<_> =
        LEGACY_TABLES.into_iter().filter(|table| !present.iter().any(|it| it == table)).collect();
    if missing.len() == LEGACY_TABLES.len() {
        return Ok(Baseline::WouldCreate);
    }
    if !missing.is_empty() {
        return Err(MigrateError::Incomplete { missing });
    }
    users::probe(connection)
        .and_then(|()| campaigns::probe(connection))
        .map_err(|error| MigrateError::Unexpected(error.into()))?;
    Ok(Baseline::Recognised)
}

#[derive(QueryableByName)]
struct TableName {
    #[diesel(sql_type = Text)]
    relname: String,
}

fn present_tables(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    let names: Vec<TableName> = diesel::sql_query(
        "SELECT relname::text FROM pg_class
         WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid) AND relname = ANY($1)",
    )
    .bind::<diesel::sql_types::Array<Text>, _>(LEGACY_TABLES.as_slice())
    .load(connection)?;
    Ok(names.into_iter().map(|name| name.relname).collect())
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    locked: bool,
}

/// Asks again and again instead of waiting in the database: a session that waits for an advisory
/// lock deadlocks with another's `CREATE INDEX CONCURRENTLY`.
fn with_lock<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    for _ in 0..LOCK_TRIES {
        let answer: Locked = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS locked")
            .bind::<BigInt, _>(MIGRATION_LOCK)
            .get_result(connection)?;
        if answer.locked {
            let outcome = work(connection);
            diesel::sql_query("SELECT pg_advisory_unlock($1)")
                .bind::<BigInt, _>(MIGRATION_LOCK)
                .execute(connection)?;
            return outcome;
        }
        std::thread::sleep(LOCK_RETRY);
    }
    Err(MigrateError::Locked)
}
