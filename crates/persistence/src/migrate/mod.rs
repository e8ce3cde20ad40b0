//! Applies the migration groups, by command and never at server start.

mod baseline;
mod expand;
mod rights;
mod update;

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool},
};
use winserve_domain::base::BoxError;

use crate::backends::{Announced, announce, holder_of_advisory_lock};

pub use baseline::{Baseline, LEGACY_TABLES, baseline, require_legacy_tables, revert_baseline};
pub use expand::{
    Group, expand, expand_after, expand_in_steps, is_expanded, pending_of, require_known_schema,
    revert,
};
pub(crate) use rights::added_relations;
pub use rights::missing as missing_rights;
pub use update::{Update, UpdateOutcome, update};

/// An arbitrary number that is the same in every migrating process.
const MIGRATION_LOCK: i64 = 7_746_532_101;
const LOCK_RETRY: Duration = Duration::from_millis(100);
const LOCK_TRIES: u32 = 300;
/// Number of attempts after which the lock holder is queried again.
const LOOK_EVERY: u32 = 10;

/// Why a migration was not applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Some of the old service's tables exist, some do not.
    #[error("the database is neither empty nor the old service's: {} missing", missing.join(", "))]
    Incomplete {
        /// The tables that are missing.
        missing: Vec<&'static str>,
    },
    /// None of the old service's tables exist, but others do.
    #[error("this is the database of another service: it has the table {table}")]
    Foreign {
        /// One of its tables.
        table: String,
    },
    /// None of the old service's tables exist.
    #[error(
        "the database is empty; run `backfill migrate baseline` to create the old service's tables"
    )]
    Empty,
    /// The tables exist, but without the columns that the program reads.
    #[error("the tables of the old service are not as expected")]
    Unexpected(#[source] BoxError),
    /// A newer build has migrated the database.
    #[error(
        "the database has {} that this build does not know, such as {newest}: run a newer build; \
         nothing was changed",
        if *count == 1 { "a migration".to_owned() } else { format!("{count} migrations") }
    )]
    Newer {
        /// How many.
        count: usize,
        /// Version of the newest.
        newest: String,
    },
    /// The migration from the old service has not begun a group.
    #[error("the migration of this database from the old service has not reached {0}")]
    NotBegun(&'static str),
    /// The current phase needs what the command would remove.
    #[error("the current phase needs it; run `backfill phase back` first")]
    PhaseInUse,
    /// Organizations are synced to Clerk.
    #[error("phase-1b is on; run `backfill phase back phase-1b` first")]
    SwitchInUse,
    /// Another group must be applied first.
    #[error("run `backfill migrate {0}` first")]
    FormerGroup(&'static str),
    /// Another group depends on this one.
    #[error("run `backfill migrate {0} --undo` first")]
    LaterGroup(&'static str),
    /// `enforce phase-3` dropped the columns and triggers of the old service.
    #[error("`enforce phase-3` dropped what the earlier schema needs; nothing undoes it")]
    NoWayBack,
    /// The old service cannot read an elected office or a saved filter without a campaign.
    #[error(
        "{rows} rows of {table} have no campaign, and the old service cannot read them: {}{}; give each a \
         campaign of its user (UPDATE {table} SET campaign_id = … WHERE id = …) or delete it, then run the \
         command again",
        first.join(", "),
        if i64::try_from(first.len()).is_ok_and(|named| named < *rows) { ", …" } else { "" }
    )]
    WithoutCampaign {
        /// Table.
        table: &'static str,
        /// How many.
        rows: i64,
        /// Ids of the first twenty.
        first: Vec<String>,
    },
    /// Only the outbox shows which organizations must be deleted in Clerk, or may have been created
    /// there.
    #[error(
        "{0} organizations are not synced to Clerk yet; turn phase-1b on and wait until `backfill status` \
         shows 0"
    )]
    NotSynced(i64),
    /// Servers would lack privileges, or functions their settings, that this role may not change.
    #[error(
        "this role may not grant privileges to servers or configure functions; run this, in this order, \
         as the owner of both or a superuser, then run the command again: {}",
        statements.join("; ")
    )]
    Rights {
        /// The statements to run.
        statements: Vec<String>,
    },
    /// Another process is migrating and does not finish.
    #[error(
        "another process holds the migration lock: {holder}; wait until it ends, then run the command again"
    )]
    Locked {
        /// Its session.
        holder: String,
    },
    /// Live statements kept a table locked during every attempt; completed work is kept.
    #[error("{migration}: the table was locked during all {tries} attempts; run the command again")]
    Blocked {
        /// The waiting migration.
        migration: String,
        /// The number of attempts.
        tries: u32,
        /// The last error.
        source: BoxError,
    },
    /// The list of tables cannot be read.
    #[error("the list of tables cannot be read")]
    Unread(#[source] diesel::result::Error),
    /// A migration failed.
    #[error("the migration failed")]
    Failed(#[source] BoxError),
}

impl From<diesel::result::Error> for MigrateError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Failed(error.into())
    }
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

/// Runs work that only one migrating process may run at a time. Polls instead of waiting in the
/// database: a session that waits for an advisory lock deadlocks with another session's `CREATE
/// INDEX CONCURRENTLY`.
///
/// # Errors
/// [`MigrateError::Locked`], and the errors of the work.
pub fn with_lock<T>(
    connection: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, MigrateError>,
) -> Result<T, MigrateError> {
    let mut waiting: Option<Announced> = None;
    for number in 0..LOCK_TRIES {
        let locked: Answer = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS answer")
            .bind::<BigInt, _>(MIGRATION_LOCK)
            .get_result(connection)?;
        if locked.answer {
            drop(waiting);
            let outcome = work(connection);
            let unlocked = diesel::sql_query("SELECT pg_advisory_unlock($1)")
                .bind::<BigInt, _>(MIGRATION_LOCK)
                .execute(connection);
            // After a failure that ended the session, the lock is free, and the original failure is
            // reported.
            let done = outcome?;
            unlocked?;
            return Ok(done);
        }
        // The holder may change.
        if number % LOOK_EVERY == 0 {
            let what = format!("the migration lock, which {} holds", holder(connection)?);
            match &waiting {
                Some(waiting) => waiting.set(what),
                None => waiting = Some(announce(what)),
            }
        }
        std::thread::sleep(LOCK_RETRY);
    }
    Err(MigrateError::Locked { holder: holder(connection)? })
}

fn holder(connection: &mut PgConnection) -> QueryResult<String> {
    let session = holder_of_advisory_lock(connection, MIGRATION_LOCK)?;
    Ok(session.map_or_else(|| "another process".to_owned(), |session| session.to_string()))
}
