//! Groups that add to a live schema: each migration gets its lock in a fraction of a second or
//! retries, so that no live statement waits long behind it.

use std::time::Duration;

use diesel::{
    connection::SimpleConnection as _,
    migration::{Migration, MigrationConnection as _, MigrationSource as _, MigrationVersion},
    pg::Pg,
    prelude::*,
    sql_types::{Array, BigInt, Text},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use winserve_domain::base::BoxError;

use super::{
    Answer, MigrateError,
    baseline::{baseline_versions, require_legacy_tables},
    rights, with_lock,
};
use crate::error::LOCK_TIMEOUT;

const PHASE_1: EmbeddedMigrations = embed_migrations!("../../migrations/phase-1-expand");
const PHASE_1B: EmbeddedMigrations = embed_migrations!("../../migrations/phase-1b-expand");
const PHASE_2: EmbeddedMigrations = embed_migrations!("../../migrations/phase-2-expand");
const PHASE_3: EmbeddedMigrations = embed_migrations!("../../migrations/phase-3-expand");
const PHASE_3_ENFORCE: EmbeddedMigrations = embed_migrations!("../../migrations/phase-3-enforce");

/// Versions that require the campaign of an office again, after an earlier `phase-1-expand` made it
/// optional.
const OFFICES_KEEP_THEIR_CAMPAIGN: [&str; 4] =
    ["20261120000605", "20261120001210", "20261120001211", "20261120001212"];

/// A migration that created an index on the JSON of a live table, which slowed down each update of
/// the old service. It is recorded as applied, and never run.
const BUILDS_INDEX_ON_DETAILS: &str = "20261120001830";
/// Drops that index, which an earlier build may have left; runs before all others.
const DROPS_INDEX_ON_DETAILS: &str = "20261120001990";

/// Migrations that immediately revert what the previous one loosens or forbids: the old service
/// must not see the state in between, so they are applied in one transaction.
const KEEPS_CAMPAIGN: &str = "20261120001210";
const BEFORE_KEEPS_CAMPAIGN: [&str; 2] = ["20261120000605", "20261120001200"];

/// Migrations that a command applies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// `phase-1-expand`: what phase 1 needs, nullable.
    Phase1,
    /// `phase-1b-expand`: what the Clerk sync needs, independent of phases.
    Phase1b,
    /// `phase-2-expand`: additional schema of phase 2.
    Phase2,
    /// `phase-3-expand`: what the old service can no longer read.
    Phase3,
    /// `phase-3-enforce`: drops what only the old service needs. Nothing undoes it.
    Phase3Enforce,
}

impl Group {
    /// Every group, in order.
    pub(super) const ALL: [Self; 5] =
        [Self::Phase1, Self::Phase1b, Self::Phase2, Self::Phase3, Self::Phase3Enforce];

    /// The group's name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phase1 => "phase-1-expand",
            Self::Phase1b => "phase-1b-expand",
            Self::Phase2 => "phase-2-expand",
            Self::Phase3 => "phase-3-expand",
            Self::Phase3Enforce => "phase-3-enforce",
        }
    }

    /// Its migrations, in the order in which they are applied.
    fn migrations(self) -> Result<Vec<BoxedMigration>, MigrateError> {
        let embedded = match self {
            Self::Phase1 => PHASE_1,
            Self::Phase1b => PHASE_1B,
            Self::Phase2 => PHASE_2,
            Self::Phase3 => PHASE_3,
            Self::Phase3Enforce => PHASE_3_ENFORCE,
        };
        let mut migrations: Vec<BoxedMigration> =
            embedded.migrations().map_err(MigrateError::Failed)?;
        migrations.sort_by(|a, b| a.name().version().cmp(&b.name().version()));
        // The sort is stable.
        migrations.sort_by_key(|migration| !has_version(migration, DROPS_INDEX_ON_DETAILS));
        Ok(migrations)
    }
}

type BoxedMigration = Box<dyn Migration<Pg>>;

/// Lock timeout of each attempt; live statements queue behind it no longer than that.
const SHORT_WAIT: &str = "SET lock_timeout = '300ms'";
const LONG_WAIT: &str = "SET lock_timeout = 0";
const TRIES: u32 = 60;

/// Applies a group and returns the names of the migrations that were pending; none if it was
/// applied before. Always grants missing server privileges on earlier additions.
///
/// # Errors
/// See [`MigrateError`]; applied migrations stay, and the command may be run again.
pub fn expand(connection: &mut PgConnection, group: Group) -> Result<Vec<String>, MigrateError> {
    expand_in_steps(connection, group, |_| ())
}

/// [`expand`], and calls `applied` with migration names as soon as their effects are visible to
/// others.
///
/// # Errors
/// See [`expand`].
pub fn expand_in_steps(
    connection: &mut PgConnection,
    group: Group,
    applied: impl FnMut(&[String]),
) -> Result<Vec<String>, MigrateError> {
    expand_after(connection, group, |_| Ok(()), applied)
}

/// [`expand_in_steps`]; `check` is called at the beginning of each transaction, which ends if it fails.
///
/// # Errors
/// See [`expand`]; [`MigrateError::Failed`] with the error of the check.
pub fn expand_after(
    connection: &mut PgConnection,
    group: Group,
    check: impl Fn(&mut PgConnection) -> Result<(), BoxError>,
    mut applied: impl FnMut(&[String]),
) -> Result<Vec<String>, MigrateError> {
    require_legacy_tables(connection)?;
    require_former(connection, group)?;
    with_lock(connection, |connection| {
        rights::settle(connection)?;
        connection.setup()?;
        drop_half_built_indexes(connection)?;
        let pending = pending(connection, group)?;
        require_campaigns(connection, &pending)?;
        for step in pending.chunk_by(are_one_step) {
            patiently(connection, step, |connection, migration| {
                check(connection)?;
                apply(connection, migration)
            })?;
            applied(&names(step));
        }
        Ok(names(&pending))
    })
}

fn apply(connection: &mut PgConnection, migration: &BoxedMigration) -> Result<(), BoxError> {
    if !has_version(migration, BUILDS_INDEX_ON_DETAILS) {
        return connection.run_migration(migration).map(drop);
    }
    diesel::sql_query("INSERT INTO __diesel_schema_migrations (version) VALUES ($1)")
        .bind::<Text, _>(BUILDS_INDEX_ON_DETAILS)
        .execute(connection)?;
    Ok(())
}

fn has_version(migration: &BoxedMigration, version: &str) -> bool {
    migration.name().version() == MigrationVersion::from(version)
}

fn are_one_step(former: &BoxedMigration, next: &BoxedMigration) -> bool {
    has_version(next, KEEPS_CAMPAIGN)
        && BEFORE_KEEPS_CAMPAIGN.iter().any(|version| has_version(former, version))
}

/// The pending migrations of a group; writes nothing.
///
/// # Errors
/// See [`MigrateError`].
pub fn pending_of(
    connection: &mut PgConnection,
    group: Group,
) -> Result<Vec<String>, MigrateError> {
    require_legacy_tables(connection)?;
    require_former(connection, group)?;
    let pending = pending(connection, group)?;
    require_campaigns(connection, &pending)?;
    Ok(names(&pending))
}

/// Whether a group is applied completely.
///
/// # Errors
/// See [`MigrateError`].
pub fn is_expanded(connection: &mut PgConnection, group: Group) -> Result<bool, MigrateError> {
    Ok(pending(connection, group)?.is_empty())
}

/// Whether any migration of a group is applied.
pub(super) fn is_begun(connection: &mut PgConnection, group: Group) -> Result<bool, MigrateError> {
    let migrations = group.migrations()?;
    Ok(pending(connection, group)?.len() < migrations.len())
}

/// The names of all migrations of a group.
pub(super) fn all_of(group: Group) -> Result<Vec<String>, MigrateError> {
    Ok(names(&group.migrations()?))
}

/// Checks that no newer build has migrated the database.
///
/// # Errors
/// [`MigrateError::Newer`].
pub fn require_known_schema(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let mut known = baseline_versions()?;
    for group in Group::ALL {
        known.extend(group.migrations()?.iter().map(|it| it.name().version().as_owned()));
    }
    let mut unknown = applied_versions(connection)?;
    unknown.retain(|version| !known.contains(version));
    match unknown.iter().max() {
        None => Ok(()),
        Some(newest) => {
            Err(MigrateError::Newer { count: unknown.len(), newest: newest.to_string() })
        }
    }
}

/// Undoes an unused group, newest migration first, and returns the names. `keep_writers_waiting` is
/// called at the beginning of each transaction.
///
/// # Errors
/// [`MigrateError::LaterGroup`]; [`MigrateError::WithoutCampaign`]; [`MigrateError::NotSynced`];
/// [`MigrateError::NoWayBack`]. Nothing is undone then.
pub fn revert(
    connection: &mut PgConnection,
    group: Group,
    keep_writers_waiting: impl Fn(&mut PgConnection) -> QueryResult<()>,
) -> Result<Vec<String>, MigrateError> {
    with_lock(connection, |connection| {
        let applied = applied_versions(connection)?;
        let is_applied = |migration: &BoxedMigration| applied.contains(&migration.name().version());
        let mut migrations = group.migrations()?;
        migrations.retain(is_applied);
        if migrations.is_empty() {
            return Ok(Vec::new());
        }
        match group {
            Group::Phase3Enforce => return Err(MigrateError::NoWayBack),
            Group::Phase1 => {
                for later in [Group::Phase2, Group::Phase1b] {
                    if later.migrations()?.iter().any(is_applied) {
                        return Err(MigrateError::LaterGroup(later.name()));
                    }
                }
                refuse_without_campaign(connection, "elected_office")?;
            }
            Group::Phase1b => refuse_unsynced(connection)?,
            Group::Phase2 => {
                if Group::Phase3.migrations()?.iter().any(is_applied) {
                    return Err(MigrateError::LaterGroup(Group::Phase3.name()));
                }
                refuse_without_campaign(connection, "voter_file_filter")?;
            }
            Group::Phase3 => {
                if Group::Phase3Enforce.migrations()?.iter().any(is_applied) {
                    return Err(MigrateError::NoWayBack);
                }
                refuse_without_campaign(connection, "elected_office")?;
            }
        }
        migrations.sort_by(|a, b| b.name().version().cmp(&a.name().version()));
        for migration in &migrations {
            patiently(connection, std::slice::from_ref(migration), |connection, migration| {
                // Current writers may have seen what is removed; later ones have not.
                if migration.metadata().run_in_transaction() {
                    keep_writers_waiting(connection)?;
                }
                connection.revert_migration(migration).map(drop)
            })?;
        }
        Ok(names(&migrations))
    })
}

/// Groups depend on each other.
fn require_former(connection: &mut PgConnection, group: Group) -> Result<(), MigrateError> {
    match group {
        Group::Phase1b | Group::Phase2 if !is_expanded(connection, Group::Phase1)? => {
            Err(MigrateError::FormerGroup(Group::Phase1.name()))
        }
        Group::Phase3 if !is_expanded(connection, Group::Phase2)? => {
            Err(MigrateError::FormerGroup(Group::Phase2.name()))
        }
        Group::Phase3Enforce if !is_expanded(connection, Group::Phase3)? => {
            Err(MigrateError::FormerGroup(Group::Phase3.name()))
        }
        Group::Phase1 | Group::Phase1b | Group::Phase2 | Group::Phase3 | Group::Phase3Enforce => {
            Ok(())
        }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Only these rows show which organizations must be deleted in Clerk, or may have been created
/// there.
fn refuse_unsynced(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let is_there: Answer =
        diesel::sql_query("SELECT to_regclass('clerk_outbox') IS NOT NULL AS answer")
            .get_result(connection)?;
    if !is_there.answer {
        return Ok(());
    }
    let unsynced: Count = diesel::sql_query(
        "SELECT count(*) AS rows FROM clerk_outbox
         WHERE is_deletion OR creating_since IS NOT NULL OR lease_token IS NOT NULL",
    )
    .get_result(connection)?;
    if unsynced.rows == 0 { Ok(()) } else { Err(MigrateError::NotSynced(unsynced.rows)) }
}

/// An earlier build allowed offices without a campaign: requiring one would fail halfway.
fn require_campaigns(
    connection: &mut PgConnection,
    pending: &[BoxedMigration],
) -> Result<(), MigrateError> {
    let requires = |migration: &BoxedMigration| {
        OFFICES_KEEP_THEIR_CAMPAIGN.iter().any(|version| has_version(migration, version))
    };
    if pending.iter().any(requires) {
        refuse_without_campaign(connection, "elected_office")?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct WithoutCampaign {
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Array<Text>)]
    first: Vec<String>,
}

fn refuse_without_campaign(
    connection: &mut PgConnection,
    table: &'static str,
) -> Result<(), MigrateError> {
    let found: WithoutCampaign = diesel::sql_query(format!(
        "SELECT count(*) AS rows, coalesce((array_agg(id::text ORDER BY id))[:20], '{{}}') AS first
         FROM {table} WHERE campaign_id IS NULL"
    ))
    .get_result(connection)?;
    match found {
        WithoutCampaign { rows: 0, .. } => Ok(()),
        WithoutCampaign { rows, first } => {
            Err(MigrateError::WithoutCampaign { table, rows, first })
        }
    }
}

fn pending(
    connection: &mut PgConnection,
    group: Group,
) -> Result<Vec<BoxedMigration>, MigrateError> {
    let applied = applied_versions(connection)?;
    let mut migrations = group.migrations()?;
    migrations.retain(|migration| !applied.contains(&migration.name().version()));
    Ok(migrations)
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Read without diesel's harness, which would create its table even in a dry run.
fn applied_versions(
    connection: &mut PgConnection,
) -> Result<Vec<MigrationVersion<'static>>, MigrateError> {
    let history: Answer =
        diesel::sql_query("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS answer")
            .get_result(connection)?;
    if !history.answer {
        return Ok(Vec::new());
    }
    let versions: Vec<Version> =
        diesel::sql_query("SELECT version::text FROM __diesel_schema_migrations")
            .load(connection)?;
    Ok(versions.into_iter().map(|row| MigrationVersion::from(row.version)).collect())
}

fn names(migrations: &[BoxedMigration]) -> Vec<String> {
    migrations.iter().map(|migration| migration.name().to_string()).collect()
}

/// Indexes that the groups build concurrently, outside a transaction: such a migration has the name
/// of its index.
fn concurrent_indexes() -> Result<Vec<String>, MigrateError> {
    let mut indexes = Vec::new();
    for group in Group::ALL {
        let migrations = group.migrations()?;
        let alone = migrations.iter().filter(|it| !it.metadata().run_in_transaction());
        let names = alone.map(|migration| migration.name().to_string());
        indexes.extend(names.filter_map(|name| Some(name.split_once('_')?.1.to_owned())));
    }
    Ok(indexes)
}

/// An interrupted `CREATE INDEX CONCURRENTLY` leaves an invalid index with its name.
fn drop_half_built_indexes(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let indexes: Vec<Version> = diesel::sql_query(
        "SELECT format('%I', relname) AS version FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
         WHERE NOT indisvalid AND pg_table_is_visible(indexrelid) AND relname = ANY($1)",
    )
    .bind::<Array<Text>, _>(concurrent_indexes()?)
    .load(connection)?;
    for index in indexes {
        connection.batch_execute(&format!("DROP INDEX CONCURRENTLY {}", index.version))?;
    }
    Ok(())
}

/// Runs a step until it gets its locks: one migration, or several in one transaction. A failed
/// attempt is rolled back; a partially built index is dropped before the next attempt. Privileges
/// on new objects are granted in the same transaction: a server sees a table only together with its
/// right to use it.
fn patiently(
    connection: &mut PgConnection,
    step: &[BoxedMigration],
    mut run: impl FnMut(&mut PgConnection, &BoxedMigration) -> Result<(), BoxError>,
) -> Result<(), MigrateError> {
    let mut run_all = |connection: &mut PgConnection| {
        step.iter()
            .try_for_each(|migration| run(connection, migration))
            .map_err(MigrateError::Failed)
    };
    let mut tries = 0;
    loop {
        // Building an index concurrently waits for others, but blocks nobody.
        let has_transaction = step.iter().all(|it| it.metadata().run_in_transaction());
        connection.batch_execute(if has_transaction { SHORT_WAIT } else { LONG_WAIT })?;
        let outcome = if has_transaction {
            connection.transaction(|connection| {
                run_all(connection)?;
                rights::settle(connection)
            })
        } else {
            run_all(connection)
        };
        let reset = connection.batch_execute(LONG_WAIT);
        tries += 1;
        match outcome {
            Ok(()) => return Ok(reset?),
            Err(MigrateError::Failed(error)) if is_lock_timeout(&error) && tries < TRIES => {
                tracing::info!(migrations = ?names(step), tries, "the table is in use; retrying");
                std::thread::sleep(pause(tries));
                drop_half_built_indexes(connection)?;
            }
            Err(MigrateError::Failed(source)) if is_lock_timeout(&source) => {
                return Err(MigrateError::Blocked {
                    migration: names(step).join(" and "),
                    tries,
                    source,
                });
            }
            Err(error) => return Err(error),
        }
    }
}

/// 50 ms, doubling up to a second.
fn pause(tries: u32) -> Duration {
    Duration::from_millis((50_u64 << tries.min(5)).min(1_000))
}

fn is_lock_timeout(error: &BoxError) -> bool {
    error.to_string().contains(LOCK_TIMEOUT)
}
