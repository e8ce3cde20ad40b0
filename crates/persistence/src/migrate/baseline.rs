//! The old service's tables: created in an empty database, recognized in others.

use diesel::{
    migration::{Migration, MigrationSource as _, MigrationVersion},
    pg::Pg,
    prelude::*,
    sql_types::{Array, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use serde::Serialize;

use super::{MigrateError, with_lock};
use crate::{
    campaigns,
    error::{Refusal, refusal},
    users,
};

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

/// Result of `baseline`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// The database was empty; the tables were created.
    Created,
    /// The tables existed; nothing was changed.
    Recognised,
    /// The tables are missing; a dry run creates nothing.
    WouldCreate,
}

/// Creates the old service's tables in an empty database; does nothing if they exist.
///
/// # Errors
/// See [`MigrateError`]; nothing is written then.
pub fn baseline(connection: &mut PgConnection, dry_run: bool) -> Result<Baseline, MigrateError> {
    if dry_run {
        return state(connection);
    }
    with_lock(connection, |connection| match state(connection)? {
        Baseline::WouldCreate => {
            connection.run_pending_migrations(BASELINE).map_err(MigrateError::Failed)?;
            Ok(Baseline::Created)
        }
        state => Ok(state),
    })
}

/// Checks that the database is the old service's.
///
/// # Errors
/// [`MigrateError::Empty`], [`MigrateError::Incomplete`] or [`MigrateError::Unexpected`].
pub fn require_legacy_tables(connection: &mut PgConnection) -> Result<(), MigrateError> {
    match state(connection)? {
        Baseline::WouldCreate => Err(MigrateError::Empty),
        Baseline::Recognised | Baseline::Created => Ok(()),
    }
}

/// Drops the old service's tables again; tests use it to prove that `down.sql` undoes `up.sql`.
///
/// # Errors
/// [`MigrateError::Failed`] if we did not apply the baseline, or not as the last group.
pub fn revert_baseline(connection: &mut PgConnection) -> Result<(), MigrateError> {
    with_lock(connection, |connection| {
        connection.revert_all_migrations(BASELINE).map(drop).map_err(MigrateError::Failed)
    })
}

/// The names of the migrations that create the old service's tables.
pub(super) fn baseline_names() -> Result<Vec<String>, MigrateError> {
    let migrations: Vec<Box<dyn Migration<Pg>>> =
        BASELINE.migrations().map_err(MigrateError::Failed)?;
    Ok(migrations.iter().map(|it| it.name().to_string()).collect())
}

/// Versions of the migrations that create the old service's tables.
pub(super) fn baseline_versions() -> Result<Vec<MigrationVersion<'static>>, MigrateError> {
    let migrations: Vec<Box<dyn Migration<Pg>>> =
        BASELINE.migrations().map_err(MigrateError::Failed)?;
    Ok(migrations.iter().map(|it| it.name().version().as_owned()).collect())
}

pub(super) fn state(connection: &mut PgConnection) -> Result<Baseline, MigrateError> {
    let present = present_tables(connection)?;
    let missing: Vec<_> =
        LEGACY_TABLES.into_iter().filter(|table| !present.iter().any(|it| it == table)).collect();
    if missing.len() == LEGACY_TABLES.len() {
        return match foreign_table(connection)? {
            Some(table) => Err(MigrateError::Foreign { table }),
            None => Ok(Baseline::WouldCreate),
        };
    }
    if !missing.is_empty() {
        return Err(MigrateError::Incomplete { missing });
    }
    users::probe(connection).and_then(|()| campaigns::probe(connection)).map_err(|error| {
        match refusal(&error) {
            Refusal::Data | Refusal::Defect => MigrateError::Unexpected(error.into()),
            // This says nothing about the tables.
            _ => MigrateError::Unread(error),
        }
    })?;
    Ok(Baseline::Recognised)
}

/// A table that belongs neither to the old service nor to the migration history.
fn foreign_table(connection: &mut PgConnection) -> QueryResult<Option<String>> {
    let found: Option<TableName> = diesel::sql_query(
        "SELECT oid::regclass::text AS relname FROM pg_class
         WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relname <> '__diesel_schema_migrations'
           AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
         ORDER BY relname LIMIT 1",
    )
    .get_result(connection)
    .optional()?;
    Ok(found.map(|table| table.relname))
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
    .bind::<Array<Text>, _>(LEGACY_TABLES.as_slice())
    .load(connection)?;
    Ok(names.into_iter().map(|name| name.relname).collect())
}
