//! Brings a database to the schema of this build.

use diesel::{
    prelude::*,
    sql_types::{Array, Bool, Text},
};
use serde::Serialize;

use super::{
    Answer, MigrateError,
    baseline::{Baseline, baseline, baseline_names, baseline_versions, state},
    expand::{Group, all_of, expand, is_begun, pending_of},
};

/// The phase that a new database starts in: it has no data of the old service to migrate.
const PHASE: &str = "phase-3";

/// Result of an update, or of its dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateOutcome {
    /// The database was empty and now has the schema.
    Created,
    /// Migrations were applied.
    Updated,
    /// Nothing to do.
    UpToDate,
    /// A dry run: the database is empty.
    WouldCreate,
    /// A dry run: migrations are pending.
    WouldUpdate,
}

/// Result of an update, or of its dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The kind.
    pub outcome: UpdateOutcome,
    /// The migrations that were applied, or would be.
    pub migrations: Vec<String>,
}

/// Creates the schema in an empty database, or applies the migrations that a database lacks. A database whose
/// migration from the old service has not ended is left to the tool that migrates it.
///
/// # Errors
/// [`MigrateError::NotBegun`] while the migration from the old service lasts, and the errors of
/// [`expand`]. Applied migrations stay, and the update may be run again.
pub fn update(connection: &mut PgConnection, dry_run: bool) -> Result<Update, MigrateError> {
    let is_empty = state(connection)? == Baseline::WouldCreate;
    let is_new = is_empty || is_unused(connection)?;
    if !is_new {
        for group in Group::ALL {
            if !is_begun(connection, group)? {
                return Err(MigrateError::NotBegun(group.name()));
            }
        }
    }
    if dry_run {
        return would_update(connection, is_empty);
    }
    let mut migrations = Vec::new();
    if baseline(connection, false)? == Baseline::Created {
        migrations.extend(baseline_names()?);
    }
    for group in Group::ALL {
        migrations.extend(expand(connection, group)?);
    }
    if is_new {
        start_in_last_phase(connection)?;
    }
    let outcome = match (is_empty, migrations.is_empty()) {
        (true, _) => UpdateOutcome::Created,
        (false, false) => UpdateOutcome::Updated,
        (false, true) => UpdateOutcome::UpToDate,
    };
    Ok(Update { outcome, migrations })
}

fn would_update(connection: &mut PgConnection, is_empty: bool) -> Result<Update, MigrateError> {
    if is_empty {
        let mut migrations = baseline_names()?;
        for group in Group::ALL {
            migrations.extend(all_of(group)?);
        }
        return Ok(Update { outcome: UpdateOutcome::WouldCreate, migrations });
    }
    let mut migrations = Vec::new();
    for group in Group::ALL {
        // If the creation of a new database was interrupted, an earlier group may be missing.
        let is_next = is_begun(connection, group)? || group == Group::Phase1;
        migrations.extend(if is_next { pending_of(connection, group)? } else { all_of(group)? });
    }
    let outcome =
        if migrations.is_empty() { UpdateOutcome::UpToDate } else { UpdateOutcome::WouldUpdate };
    Ok(Update { outcome, migrations })
}

/// Whether the tables are ours and unused: an interrupted update continues.
fn is_unused(connection: &mut PgConnection) -> Result<bool, MigrateError> {
    #[derive(QueryableByName)]
    struct Unused {
        #[diesel(sql_type = Bool)]
        is_unused: bool,
    }
    let history: Answer =
        diesel::sql_query("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS answer")
            .get_result(connection)?;
    if !history.answer {
        return Ok(false);
    }
    let versions: Vec<String> = baseline_versions()?.iter().map(ToString::to_string).collect();
    let found: Unused = diesel::sql_query(
        "SELECT EXISTS (SELECT FROM __diesel_schema_migrations WHERE version = ANY($1))
            AND NOT EXISTS (SELECT FROM \"user\") AS is_unused",
    )
    .bind::<Array<Text>, _>(versions)
    .get_result(connection)?;
    Ok(found.is_unused)
}

/// Enters the last phase without gates: there is no data yet.
fn start_in_last_phase(connection: &mut PgConnection) -> Result<(), MigrateError> {
    connection.transaction(|connection| {
        let entered: QueryResult<String> = diesel::sql_query(
            "UPDATE migration_phase SET phase = $1, since = now()
             FROM (SELECT phase AS former FROM migration_phase FOR UPDATE) AS before
             WHERE former <> $1 AND NOT EXISTS (SELECT FROM \"user\")
             RETURNING former",
        )
        .bind::<Text, _>(PHASE)
        .get_result(connection)
        .map(|row: Former| row.former);
        let Some(former) = entered.optional()? else { return Ok(()) };
        diesel::sql_query(
            "INSERT INTO migration_phase_history (from_phase, to_phase, actor, reason)
             VALUES ($1, $2, 'winserve-admin', 'a new database has nothing to migrate')",
        )
        .bind::<Text, _>(former)
        .bind::<Text, _>(PHASE)
        .execute(connection)?;
        Ok(())
    })
}

#[derive(QueryableByName)]
struct Former {
    #[diesel(sql_type = Text)]
    former: String,
}
