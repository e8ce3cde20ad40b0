//! NOT NULL of phase 1, without keeping live statements waiting.
//!
//! What is done is read from the catalog, so that an interrupted command is simply run again.

use std::time::{Duration, Instant};

use crate::phase::Phase;
use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid},
};
use serde_json::json;
use uuid::Uuid;
use winserve_domain::base::BoxError;

use super::{Job, notes_of_other_services, record, runs};
use crate::phase;
use winserve_persistence::{Refusal, cancellation, refusal};

/// What phase 1 enforces.
const COLUMNS: [(&str, &str); 4] = [
    ("campaign", "organization_id"),
    ("campaign", "position_id"),
    ("elected_office", "organization_id"),
    ("elected_office", "position_id"),
];
/// How long each try may wait for its lock; live statements queue behind it no longer than that.
/// The last one is repeated.
const WAITS: [u64; 8] = [100, 200, 300, 500, 500, 1_000, 1_000, 2_000];
pub(crate) const TRIES: u32 = 30;

/// Why nothing is enforced.
#[derive(Debug, thiserror::Error)]
pub enum EnforceError {
    /// What a phase enforces, it enforces while it lasts.
    #[error("the phase is {phase}; this belongs to {wanted}")]
    WrongPhase {
        /// The phase of the database.
        phase: Phase,
        /// The one that it takes.
        wanted: Phase,
    },
    /// A job was left in the middle, or is under way: it may change what was verified.
    #[error("a run of {} is not finished", .0.as_str())]
    Unfinished(Job),
    /// Servers would still write or read what goes.
    #[error("not yet: {}", processes.join("; "))]
    ProcessesBehind {
        /// Each with the reason.
        processes: Vec<String>,
    },
    /// Nothing proves that the stores say the same.
    #[error("no clean `backfill verify` since the last run of the backfill")]
    NotVerified,
    /// Rows are left that nobody linked.
    #[error("{rows} rows of {table} have no {column}")]
    Missing {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// How many.
        rows: i64,
    },
    /// An earlier build dropped the column of the campaign from saved filters, with its trigger.
    #[error(
        "an earlier build dropped voter_file_filter.campaign_id or its trigger, which the old service and \
         this build need; `backfill migrate phase-2-expand` brings them back, or run this as the owner of the \
         table: {}",
        statements.join("; ")
    )]
    Dropped {
        /// What brings them back, each a statement.
        statements: Vec<&'static str>,
    },
    /// Organizations are not provided at Clerk.
    #[error("phase-1b is off")]
    SwitchOff,
    /// Clerk was not told of organizations, and nothing says that it will be.
    #[error("{rows} organizations are unknown to Clerk and not in the outbox, the first {first}")]
    Untold {
        /// How many.
        rows: i64,
        /// The first of them.
        first: Uuid,
    },
    /// Organizations were given up for reasons that nobody accepted.
    #[error(
        "dead letters: {}; `backfill quarantine` lists them, --accept accepts a reason",
        reasons.iter().map(|(reason, rows)| format!("{reason} ({rows})")).collect::<Vec<_>>().join(", ")
    )]
    DeadLetters {
        /// Each with how many.
        reasons: Vec<(String, i64)>,
    },
    /// Something was accepted that no dead letter has as its reason.
    #[error("no dead letter has the reason {0}")]
    UnknownReason(String),
    /// Live statements kept a table locked through every try; what is done stays done.
    #[error("{table} was in use through {TRIES} tries; run the command again")]
    Blocked {
        /// The table.
        table: &'static str,
        /// The last refusal.
        source: BoxError,
    },
    /// The database is away; what is done stays done.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// The database failed.
    #[error("the database refused")]
    Failed(#[source] BoxError),
}

impl From<diesel::result::Error> for EnforceError {
    fn from(error: diesel::result::Error) -> Self {
        match refusal(&error) {
            Refusal::ConnectionLost | Refusal::OutOfResources => Self::Unavailable(error.into()),
            _ => Self::Failed(error.into()),
        }
    }
}

/// Whether all of phase 1 is enforced.
///
/// # Errors
/// The database's.
pub fn is_phase_1_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    for (table, column) in COLUMNS {
        if !is_not_null(connection, table, column)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether any of it is, be it a CHECK of an interrupted command.
///
/// # Errors
/// The database's.
pub fn is_anything_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    for (table, column) in COLUMNS {
        if is_not_null(connection, table, column)?
            || has_constraint(connection, table, &constraint(table, column))?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether enforcing would succeed as things are; writes nothing. Returns the verification that
/// allows it.
///
/// # Errors
/// See [`EnforceError`].
pub fn check_phase_1(connection: &mut PgConnection) -> Result<Uuid, EnforceError> {
    let phase = phase::read(connection)?;
    if phase != Phase::One {
        return Err(EnforceError::WrongPhase { phase, wanted: Phase::One });
    }
    for (table, column) in COLUMNS {
        refuse_missing(connection, table, column)?;
    }
    for job in OF_HOLDERS {
        if runs::is_under_way(connection, job)? {
            return Err(EnforceError::Unfinished(job));
        }
    }
    clean_verification(connection)?.ok_or(EnforceError::NotVerified)
}

/// Jobs that change organization, position or district of a holder.
const OF_HOLDERS: [Job; 3] = [Job::Positions, Job::Campaigns, Job::ElectedOffices];
/// Jobs that change what phase 2 reads. The one of filters wants phase 1 enforced, so that a run of it left
/// in the middle must not keep phase 1 from being enforced again.
const OF_PHASE_2: [Job; 4] =
    [Job::Positions, Job::Campaigns, Job::ElectedOffices, Job::VoterFileFilters];

/// The last verification, if it found no defect and nobody has linked holders since.
///
/// # Errors
/// The database's.
pub fn clean_verification(connection: &mut PgConnection) -> QueryResult<Option<Uuid>> {
    clean_since(connection, &OF_HOLDERS)
}

fn clean_since(connection: &mut PgConnection, jobs: &[Job]) -> QueryResult<Option<Uuid>> {
    match runs::last_finished(connection, Job::Verify)? {
        Some(run) if run.exit_code == 0 && !is_out_of_date(connection, run.id, jobs)? => {
            Ok(Some(run.id))
        }
        _ => Ok(None),
    }
}

/// [`clean_verification`], if no filter was assigned since and it compared what was before triggers began to
/// note what other services change.
///
/// # Errors
/// The database's.
pub fn clean_verification_for_phase_2(connection: &mut PgConnection) -> QueryResult<Option<Uuid>> {
    let Some(run) = clean_since(connection, &OF_PHASE_2)? else { return Ok(None) };
    let found = runs::finished(connection, run)?.and_then(|run| run.report);
    let noted_into = found.and_then(|report| report.get("notes_of")?.as_i64());
    let is_late = noted_into.is_some() && noted_into == notes_of_other_services(connection)?;
    Ok(is_late.then_some(run))
}

/// Makes organization and position of campaigns and elected offices NOT NULL, and records it.
/// Returns the columns that were not enforced before.
///
/// # Errors
/// See [`EnforceError`].
pub fn enforce_phase_1(connection: &mut PgConnection) -> Result<Vec<String>, EnforceError> {
    if is_phase_1_enforced(connection)? {
        drop_constraints(connection)?;
        return Ok(Vec::new());
    }
    let started = Instant::now();
    let verified = check_phase_1(connection)?;
    let mut enforced = Vec::new();
    for (table, column) in COLUMNS {
        if make_not_null(connection, Phase::One, table, column)? {
            enforced.push(format!("{table}.{column}"));
        }
    }
    drop_constraints(connection)?;
    let report = json!({"enforced": &enforced, "verified_by": verified});
    record(connection, Job::EnforcePhase1, started.elapsed(), 0, &report)?;
    Ok(enforced)
}

/// Makes a column NOT NULL; returns whether it was not. The CHECK that proved it stays for
/// [`drop_constraint`].
pub(super) fn make_not_null(
    connection: &mut PgConnection,
    phase: Phase,
    table: &'static str,
    column: &'static str,
) -> Result<bool, EnforceError> {
    if is_not_null(connection, table, column)? {
        return Ok(false);
    }
    let constraint = constraint(table, column);
    // Not before nothing is missing: it counts for every later write of a row at once, also for
    // writes that touch other columns.
    if !has_constraint(connection, table, &constraint)? {
        let add = format!(
            "ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({column} IS NOT NULL) NOT VALID"
        );
        patiently_in(connection, phase, table, &add)?;
    }
    if let Err(refused) = refuse_missing(connection, table, column) {
        patiently(connection, table, &format!("ALTER TABLE {table} DROP CONSTRAINT {constraint}"))?;
        return Err(refused);
    }
    // Reads the table without keeping writers out; after it, SET NOT NULL need not read.
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}");
    patiently_in(connection, phase, table, &validate)?;
    let not_null = format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL");
    patiently_in(connection, phase, table, &not_null)?;
    Ok(true)
}

/// Whether [`enforce_phase_1`] would change anything; writes nothing.
///
/// # Errors
/// What it would refuse with.
pub fn would_enforce_phase_1(connection: &mut PgConnection) -> Result<bool, EnforceError> {
    if is_phase_1_enforced(connection)? {
        return Ok(false);
    }
    check_phase_1(connection).map(|_verified| true)
}

/// Whether [`undo_phase_1`] would change anything; writes nothing.
///
/// # Errors
/// What it would refuse with.
pub fn would_undo_phase_1(connection: &mut PgConnection) -> Result<bool, EnforceError> {
    let phase = phase::read(connection)?;
    if phase > Phase::One {
        // Later phases rely on it.
        return Err(EnforceError::WrongPhase { phase, wanted: Phase::One });
    }
    Ok(is_anything_enforced(connection)?)
}

/// Makes the columns nullable again, and records it. Returns those that were not.
///
/// # Errors
/// See [`EnforceError`].
pub fn undo_phase_1(connection: &mut PgConnection) -> Result<Vec<String>, EnforceError> {
    if !would_undo_phase_1(connection)? {
        return Ok(Vec::new());
    }
    let started = Instant::now();
    let mut undone = Vec::new();
    for (table, column) in COLUMNS {
        drop_constraint(connection, table, column)?;
        if is_not_null(connection, table, column)? {
            let undo = format!("ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL");
            patiently(connection, table, &undo)?;
            undone.push(format!("{table}.{column}"));
        }
    }
    if !undone.is_empty() {
        record(connection, Job::EnforcePhase1, started.elapsed(), 0, &json!({"undone": &undone}))?;
    }
    Ok(undone)
}

/// A CHECK has done its work when the column is NOT NULL; one may be left of a command that ended
/// right after that.
fn drop_constraints(connection: &mut PgConnection) -> Result<(), EnforceError> {
    for (table, column) in COLUMNS {
        drop_constraint(connection, table, column)?;
    }
    Ok(())
}

pub(super) fn constraint(table: &str, column: &str) -> String {
    format!("{table}_{column}_present")
}

pub(super) fn drop_constraint(
    connection: &mut PgConnection,
    table: &'static str,
    column: &str,
) -> Result<(), EnforceError> {
    let constraint = constraint(table, column);
    if has_constraint(connection, table, &constraint)? {
        patiently(connection, table, &format!("ALTER TABLE {table} DROP CONSTRAINT {constraint}"))?;
    }
    Ok(())
}

#[derive(QueryableByName)]
pub(super) struct Answer {
    #[diesel(sql_type = Bool)]
    pub(super) answer: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

pub(super) fn is_not_null(
    connection: &mut PgConnection,
    table: &str,
    column: &str,
) -> QueryResult<bool> {
    let found: Option<Answer> = diesel::sql_query(
        "SELECT attnotnull AS answer FROM pg_attribute
         WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped",
    )
    .bind::<Text, _>(table)
    .bind::<Text, _>(column)
    .get_result(connection)
    .optional()?;
    Ok(found.is_some_and(|found| found.answer))
}

pub(super) fn has_constraint(
    connection: &mut PgConnection,
    table: &str,
    constraint: &str,
) -> QueryResult<bool> {
    diesel::sql_query(
        "SELECT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2) AS answer",
    )
    .bind::<Text, _>(table)
    .bind::<Text, _>(constraint)
    .get_result(connection)
    .map(|found: Answer| found.answer)
}

pub(super) fn refuse_missing(
    connection: &mut PgConnection,
    table: &'static str,
    column: &'static str,
) -> Result<(), EnforceError> {
    let missing: Count =
        diesel::sql_query(format!("SELECT count(*) AS rows FROM {table} WHERE {column} IS NULL"))
            .get_result(connection)?;
    match missing.rows {
        0 => Ok(()),
        rows => Err(EnforceError::Missing { table, column, rows }),
    }
}

/// Whether something may have changed since, that is no write to both stores: a job, or a time in which
/// only the JSON was written. A job that was left in the middle counts in phase 1 only, for in no other phase it
/// goes on.
fn is_out_of_date(
    connection: &mut PgConnection,
    verified: Uuid,
    jobs: &[Job],
) -> QueryResult<bool> {
    let jobs: Vec<&str> = jobs.iter().map(|job| job.as_str()).collect();
    diesel::sql_query(
        "SELECT EXISTS (SELECT FROM backfill_run AS later JOIN backfill_run AS verified ON verified.id = $1
             WHERE later.job = ANY($2)
               AND (later.finished_at > verified.started_at
                    OR later.finished_at IS NULL AND EXISTS (SELECT FROM migration_phase WHERE phase = $3)))
             OR EXISTS (SELECT FROM migration_phase_history AS entry JOIN backfill_run AS verified ON verified.id = $1
                 WHERE entry.at > verified.started_at AND 'legacy' IN (entry.from_phase, entry.to_phase)) AS answer",
    )
    .bind::<SqlUuid, _>(verified)
    .bind::<Array<Text>, _>(jobs)
    .bind::<Text, _>(Phase::One.as_str())
    .get_result(connection)
    .map(|found: Answer| found.answer)
}

/// Runs one statement until it gets its lock.
pub(super) fn patiently(
    connection: &mut PgConnection,
    table: &'static str,
    statement: &str,
) -> Result<(), EnforceError> {
    try_until_it_gets_its_lock(connection, table, None, statement)
}

/// [`patiently`], for what a phase enforces: the phase cannot change meanwhile, and had it changed before,
/// nothing is done.
fn patiently_in(
    connection: &mut PgConnection,
    phase: Phase,
    table: &'static str,
    statement: &str,
) -> Result<(), EnforceError> {
    try_until_it_gets_its_lock(connection, table, Some(phase), statement)
}

/// Why a try did nothing.
enum Refused {
    WrongPhase(Phase),
    Database(diesel::result::Error),
}

impl From<diesel::result::Error> for Refused {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

/// Whether others hold what was wanted; somebody who cancels the statement wants it to end.
fn is_in_the_way(error: &diesel::result::Error) -> bool {
    refusal(error) == Refusal::Contention && cancellation(error).is_none()
}

fn try_until_it_gets_its_lock(
    connection: &mut PgConnection,
    table: &'static str,
    wanted: Option<Phase>,
    statement: &str,
) -> Result<(), EnforceError> {
    let waits = WAITS.iter().chain(std::iter::repeat(&2_000));
    let mut last = None;
    for (wait, _try) in waits.zip(0..TRIES) {
        let outcome = connection.transaction(|connection| {
            connection.batch_execute(&format!(
                "SET LOCAL lock_timeout = {wait}; SET LOCAL statement_timeout = 0"
            ))?;
            if wanted.is_some() {
                let phase = phase::read_for_writing(connection)?;
                if Some(phase) != wanted {
                    return Err(Refused::WrongPhase(phase));
                }
            }
            Ok(connection.batch_execute(statement)?)
        });
        match (outcome, wanted) {
            (Ok(()), _) => return Ok(()),
            (Err(Refused::WrongPhase(phase)), Some(wanted)) => {
                return Err(EnforceError::WrongPhase { phase, wanted });
            }
            (Err(Refused::Database(error)), _) if is_in_the_way(&error) => {
                tracing::info!(table, wait, "the table is in use; trying again");
                last = Some(error);
                // Those who queued up behind the try go first.
                std::thread::sleep(Duration::from_millis(*wait));
            }
            (Err(Refused::Database(error)), _) => return Err(error.into()),
            (Err(Refused::WrongPhase(_)), None) => {}
        }
    }
    let source = last.map_or_else(|| "no try was made".into(), Into::into);
    Err(EnforceError::Blocked { table, source })
}
