//! NOT NULL of phase 1, without blocking live statements.
//!
//! Progress is read from the catalog, so an interrupted command can simply be run again.

use std::time::{Duration, Instant};

use crate::phase::Phase;
use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid},
};
use serde_json::json;
use uuid::Uuid;
use winserve_domain::base::{BoxError, StoreError};

use super::{Job, Lost, enforce_phase_2::FILTER, notes_of_other_services, record, runs};
use crate::{
    commands::{self, BACK, CLERK_COMMANDS, COMPARE, PLAN},
    jobs::recorded,
    phase,
};
use winserve_admin::{Exit, Failure};
use winserve_persistence::{Refusal, cancellation, migrate::MigrateError, refusal};

/// Columns that phase 1 enforces.
const COLUMNS: [(&str, &str); 4] = [
    ("campaign", "organization_id"),
    ("campaign", "position_id"),
    ("elected_office", "organization_id"),
    ("elected_office", "position_id"),
];
/// Lock timeout of each attempt; live statements queue behind it no longer than that. The last one
/// is repeated.
const WAITS: [u64; 8] = [100, 200, 300, 500, 500, 1_000, 1_000, 2_000];
pub(crate) const TRIES: u32 = 30;

/// Why nothing was enforced.
#[derive(Debug, thiserror::Error)]
pub enum EnforceError {
    /// Constraints of a phase are enforced only during that phase.
    #[error("current phase is {phase}; this command needs {wanted}")]
    WrongPhase {
        /// The current phase.
        phase: Phase,
        /// The required phase.
        wanted: Phase,
    },
    /// A job was interrupted or is running: it may change what was verified.
    #[error("a run of {} is not finished", .0.name)]
    Unfinished(Job),
    /// Servers would still write or read what is removed.
    #[error("not yet: {}", processes.join("; "))]
    ProcessesBehind {
        /// Each with the reason.
        processes: Vec<String>,
        /// The command to repeat.
        again: &'static str,
    },
    /// An earlier step is missing.
    #[error("run `{command}` first")]
    NotPrepared {
        /// Its command.
        command: &'static str,
    },
    /// Office and district are still in the JSON.
    #[error("office and district are still in the JSON of some campaigns")]
    NotClean,
    /// Another service still names what is dropped.
    #[error(
        "another service still names what goes: {}. Update it, end its old sessions, forget its earlier \
         statements (`SELECT pg_stat_statements_reset()`), then run the same command again",
        users.join("; ")
    )]
    OthersBehind {
        /// Each with what it names.
        users: Vec<String>,
    },
    /// Nobody confirmed that there is no way back.
    #[error("{lost} Nothing was changed: repeat the command with --yes to confirm this")]
    NotConfirmed {
        /// What goes.
        lost: Lost,
    },
    /// A migration was not applied; earlier ones stay.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// There is no proof that the stores agree.
    #[error("no clean `backfill verify` since the last run of the backfill")]
    NotVerified,
    /// Rows are not linked yet.
    #[error("{rows} rows of {table} have no {column}")]
    Missing {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// How many.
        rows: i64,
    },
    /// An earlier build dropped the campaign column of saved filters, with its trigger.
    #[error(
        "an earlier build dropped voter_file_filter.campaign_id or its trigger, which the old service and \
         this build need; run `backfill migrate phase-2-expand` to restore them, or run this as the owner of the \
         table: {}",
        statements.join("; ")
    )]
    Dropped {
        /// The statements that restore them.
        statements: Vec<&'static str>,
    },
    /// Organizations are not synced to Clerk.
    #[error("phase-1b is off")]
    SwitchOff,
    /// Organizations are neither synced to Clerk nor queued.
    #[error("{rows} organizations have no Clerk id and are not queued (first: {first})")]
    Untold {
        /// How many.
        rows: i64,
        /// The first one.
        first: Uuid,
    },
    /// Organizations have dead letters with reasons that were not accepted.
    #[error(
        "dead letters: {}; `backfill quarantine` lists them, --accept accepts a reason",
        reasons.iter().map(|(reason, rows)| format!("{reason} ({rows})")).collect::<Vec<_>>().join(", ")
    )]
    DeadLetters {
        /// Each with how many.
        reasons: Vec<(String, i64)>,
    },
    /// No dead letter has the accepted reason.
    #[error("no dead letter has the reason {0}")]
    UnknownReason(String),
    /// Live statements kept a table locked during every attempt; completed work is kept.
    #[error("{table} was locked during all {TRIES} attempts; run the command again")]
    Blocked {
        /// The table.
        table: &'static str,
        /// The last refusal.
        source: BoxError,
    },
    /// The database is unreachable; completed work is kept.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// The database failed.
    #[error("database error")]
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

impl From<StoreError> for EnforceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => Self::Unavailable(source),
            error => Self::Failed(error.into()),
        }
    }
}

impl Failure for EnforceError {
    fn exit(&self) -> Exit {
        match self {
            Self::WrongPhase { .. }
            | Self::ProcessesBehind { .. }
            | Self::Dropped { .. }
            | Self::NotPrepared { .. }
            | Self::OthersBehind { .. }
            | Self::NotConfirmed { .. }
            | Self::SwitchOff
            | Self::UnknownReason(_) => Exit::Precondition,
            Self::NotClean
            | Self::NotVerified
            | Self::Missing { .. }
            | Self::Unfinished(_)
            | Self::Untold { .. }
            | Self::DeadLetters { .. } => Exit::EnforceRefused,
            Self::Blocked { .. } | Self::Unavailable(_) => Exit::Infrastructure,
            Self::Migrate(error) => error.exit(),
            Self::Failed(_) => Exit::Unexpected,
        }
    }
}

impl EnforceError {
    /// Commands to run next.
    #[must_use]
    pub fn next_steps(&self) -> Vec<String> {
        let command = match self {
            Self::WrongPhase { phase, wanted } if phase > wanted => BACK,
            Self::WrongPhase { .. } => commands::ADVANCE,
            Self::NotVerified => commands::VERIFY,
            Self::Unfinished(job) => job.command,
            // From phase 2 on, runs link nothing.
            Self::Missing { table: FILTER, .. } => COMPARE,
            Self::Missing { .. } => Job::CAMPAIGNS.command,
            Self::ProcessesBehind { again, .. } => again,
            Self::NotPrepared { command } => command,
            Self::NotClean => commands::CLEAN,
            Self::OthersBehind { .. } => commands::ENFORCE_PHASE_3,
            Self::NotConfirmed { .. } => commands::ENFORCE_PHASE_3_FOR_GOOD,
            Self::Dropped { .. } => commands::EXPAND_PHASE_2,
            Self::Blocked { .. } | Self::Unavailable(_) | Self::Migrate(_) => PLAN,
            Self::SwitchOff => commands::TURN_ON,
            Self::Untold { .. } => CLERK_COMMANDS.run,
            Self::DeadLetters { .. } | Self::UnknownReason(_) => CLERK_COMMANDS.list_dead_letters,
            Self::Failed(_) => return Vec::new(),
        };
        vec![command.to_owned()]
    }
}

/// Whether all of phase 1 is enforced.
///
/// # Errors
/// If the database fails.
pub fn is_phase_1_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    for (table, column) in COLUMNS {
        if !is_not_null(connection, table, column)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether any of it is, including a CHECK of an interrupted command.
///
/// # Errors
/// If the database fails.
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

/// Whether enforcing would succeed now; writes nothing. Returns the verification that allows it.
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
    for job in recorded().filter(|job| job.links_holders) {
        if runs::is_under_way(connection, job)? {
            return Err(EnforceError::Unfinished(job));
        }
    }
    clean_verification(connection)?.ok_or(EnforceError::NotVerified)
}

/// The last verification, if it found no defect and no job has linked holders since.
///
/// # Errors
/// If the database fails.
pub fn clean_verification(connection: &mut PgConnection) -> QueryResult<Option<Uuid>> {
    // The filter job requires phase 1 to be enforced, so an interrupted run of it must not keep phase 1
    // from being enforced again.
    clean_since(connection, |job| job.links_holders)
}

fn clean_since(
    connection: &mut PgConnection,
    matters: fn(&Job) -> bool,
) -> QueryResult<Option<Uuid>> {
    let jobs: Vec<_> = recorded().filter(matters).map(|job| job.name).collect();
    match runs::last_finished(connection, Job::VERIFY)? {
        Some(run) if run.exit() == Exit::Done && !is_out_of_date(connection, run.id, &jobs)? => {
            Ok(Some(run.id))
        }
        _ => Ok(None),
    }
}

/// [`clean_verification`], if no filter was assigned since, and it covered the time before triggers
/// began to record changes of other services.
///
/// # Errors
/// If the database fails.
pub fn clean_verification_for_phase_2(connection: &mut PgConnection) -> QueryResult<Option<Uuid>> {
    let Some(run) = clean_since(connection, |_| true)? else { return Ok(None) };
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
    record(connection, Job::ENFORCE_PHASE_1, started.elapsed(), 0, &report)?;
    Ok(enforced)
}

/// Makes a column NOT NULL; returns whether it was nullable. The CHECK that proved it stays until
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
    // Only when no value is missing: it applies immediately to every write of a row, even to other
    // columns.
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
    // Reads the table without blocking writers, so that SET NOT NULL need not read it.
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}");
    patiently_in(connection, phase, table, &validate)?;
    let not_null = format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL");
    patiently_in(connection, phase, table, &not_null)?;
    Ok(true)
}

/// Whether [`enforce_phase_1`] would change anything; writes nothing.
///
/// # Errors
/// The same as for enforcing.
pub fn would_enforce_phase_1(connection: &mut PgConnection) -> Result<bool, EnforceError> {
    if is_phase_1_enforced(connection)? {
        return Ok(false);
    }
    check_phase_1(connection).map(|_verified| true)
}

/// Whether [`undo_phase_1`] would change anything; writes nothing.
///
/// # Errors
/// The same as for undoing.
pub fn would_undo_phase_1(connection: &mut PgConnection) -> Result<bool, EnforceError> {
    let phase = phase::read(connection)?;
    if phase > Phase::One {
        // Later phases rely on it.
        return Err(EnforceError::WrongPhase { phase, wanted: Phase::One });
    }
    Ok(is_anything_enforced(connection)?)
}

/// Makes the columns nullable again, and records it. Returns those that were NOT NULL.
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
        record(
            connection,
            Job::ENFORCE_PHASE_1,
            started.elapsed(),
            0,
            &json!({"undone": &undone}),
        )?;
    }
    Ok(undone)
}

/// A CHECK is obsolete once the column is NOT NULL; a command that was interrupted at this point
/// may leave one.
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

/// Whether anything but a write to both stores may have changed data since: a job, or a time when
/// only the JSON was written. An interrupted job counts in phase 1 only, because it cannot continue
/// in any other phase.
fn is_out_of_date(
    connection: &mut PgConnection,
    verified: Uuid,
    jobs: &[&str],
) -> QueryResult<bool> {
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

/// Runs one statement, and retries until it gets its lock.
pub(super) fn patiently(
    connection: &mut PgConnection,
    table: &'static str,
    statement: &str,
) -> Result<(), EnforceError> {
    try_until_it_gets_its_lock(connection, table, None, statement)
}

/// [`patiently`], for constraints of a phase: blocks phase changes, and does nothing if the phase
/// has already changed.
fn patiently_in(
    connection: &mut PgConnection,
    phase: Phase,
    table: &'static str,
    statement: &str,
) -> Result<(), EnforceError> {
    try_until_it_gets_its_lock(connection, table, Some(phase), statement)
}

/// Why an attempt did nothing.
enum Refused {
    WrongPhase(Phase),
    Database(diesel::result::Error),
}

impl From<diesel::result::Error> for Refused {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

/// Whether other sessions hold the lock; a cancelled statement is an operator's request to end.
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
                tracing::info!(table, wait, "the table is in use; retrying");
                last = Some(error);
                // Let the sessions that queued behind the attempt go first.
                std::thread::sleep(Duration::from_millis(*wait));
            }
            (Err(Refused::Database(error)), _) => return Err(error.into()),
            (Err(Refused::WrongPhase(_)), None) => {}
        }
    }
    let source = last.map_or_else(|| "no attempt was made".into(), Into::into);
    Err(EnforceError::Blocked { table, source })
}
