//! Runs: one execution of a job, which any number of processes may join.

use std::time::Duration;

use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    sql_types::{Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use serde_json::Value;
use uuid::Uuid;

use super::quarantine::{DISTRICT_UNANSWERED, REFUSALS};
use crate::commands::{self, CLERK_COMMANDS};
use winserve_admin::Exit;

/// What a run does. Jobs of several runs, and steps without batches, record runs too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Its name in `backfill_run`.
    pub name: &'static str,
    /// The command that runs it.
    pub command: &'static str,
    /// Whether it changes organization, position or district of a holder, which phase 1 verifies.
    pub links_holders: bool,
}

impl Job {
    /// The proof that both stores agree.
    pub const VERIFY: Self = Self::of_step("verify", commands::VERIFY);
    /// NOT NULL of phase 1.
    pub const ENFORCE_PHASE_1: Self = Self::of_step("enforce-phase-1", commands::ENFORCE_PHASE_1);
    /// NOT NULL of phase 2.
    pub const ENFORCE_PHASE_2: Self = Self::of_step("enforce-phase-2", commands::ENFORCE_PHASE_2);
    /// The end of phase 3.
    pub const ENFORCE_PHASE_3: Self = Self::of_step("enforce-phase-3", commands::ENFORCE_PHASE_3);
    /// A Clerk organization for each organization without one.
    pub const CLERK_ORGANIZATIONS: Self = Self::of_step("clerk-organizations", CLERK_COMMANDS.run);
    /// The proof that every organization is synced or queued.
    pub const ENFORCE_PHASE_1B: Self =
        Self::of_step("enforce-phase-1b", commands::ENFORCE_PHASE_1B);

    const fn of_step(name: &'static str, command: &'static str) -> Self {
        Self { name, command, links_holders: false }
    }
}

/// A running or interrupted run.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Run {
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The pass over the keys; after the first come sweeps.
    #[diesel(sql_type = Integer)]
    pub pass: i32,
    /// Rows that the next batch gets.
    #[diesel(sql_type = Integer)]
    pub batch_size: i32,
    /// The last key when it began. Rows inserted later are left to the next run, so that a run ends
    /// however fast rows arrive.
    #[diesel(sql_type = Nullable<Text>)]
    pub last_key: Option<String>,
}

/// Joins the current run of a job, otherwise begins one that ends with `last_key`.
///
/// # Errors
/// If the database fails.
pub fn join(connection: &mut PgConnection, job: Job, last_key: Option<&str>) -> QueryResult<Run> {
    loop {
        diesel::sql_query(
            "INSERT INTO backfill_run (id, job, last_key) VALUES ($1, $2, $3)
             ON CONFLICT (job) WHERE finished_at IS NULL DO NOTHING",
        )
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .bind::<Text, _>(job.name)
        .bind::<Nullable<Text>, _>(last_key)
        .execute(connection)?;
        let run = diesel::sql_query(
            "SELECT id, pass, batch_size, last_key FROM backfill_run
             WHERE job = $1 AND finished_at IS NULL",
        )
        .bind::<Text, _>(job.name)
        .get_result(connection)
        .optional()?;
        // The current run may have ended between the two statements.
        if let Some(run) = run {
            return Ok(run);
        }
    }
}

/// Whether a run of a job is running or was interrupted.
///
/// # Errors
/// If the database fails.
pub fn is_under_way(connection: &mut PgConnection, job: Job) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_under_way: bool,
    }
    diesel::sql_query(
        "SELECT EXISTS (SELECT FROM backfill_run WHERE job = $1 AND finished_at IS NULL) AS is_under_way",
    )
    .bind::<Text, _>(job.name)
    .get_result(connection)
    .map(|row: Row| row.is_under_way)
}

/// Stores the batch size, for workers that join later.
///
/// # Errors
/// If the database fails.
pub fn set_batch_size(connection: &mut PgConnection, run: Uuid, rows: i32) -> QueryResult<()> {
    diesel::sql_query("UPDATE backfill_run SET batch_size = $2 WHERE id = $1 AND batch_size <> $2")
        .bind::<SqlUuid, _>(run)
        .bind::<Integer, _>(rows)
        .execute(connection)
        .map(drop)
}

/// Begins the next pass, unless another worker did.
///
/// # Errors
/// If the database fails.
pub fn begin_pass(connection: &mut PgConnection, run: Uuid, after: i32) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE backfill_run SET pass = pass + 1, frontier = NULL
         WHERE id = $1 AND pass = $2 AND finished_at IS NULL",
    )
    .bind::<SqlUuid, _>(run)
    .bind::<Integer, _>(after)
    .execute(connection)
    .map(drop)
}

/// Ends a run, unless another worker ended it or began another pass.
///
/// # Errors
/// If the database fails.
pub fn finish(
    connection: &mut PgConnection,
    run: Uuid,
    pass: i32,
    exit_code: u8,
) -> QueryResult<()> {
    durably(connection, |connection| {
        diesel::sql_query(
            "UPDATE backfill_run SET finished_at = now(), exit_code = $3
             WHERE id = $1 AND pass = $2 AND finished_at IS NULL",
        )
        .bind::<SqlUuid, _>(run)
        .bind::<Integer, _>(pass)
        .bind::<Integer, _>(i32::from(exit_code))
        .execute(connection)
        .map(drop)
    })
}

/// Aborts a run, so that the next run of the job starts over with the rest.
///
/// # Errors
/// If the database fails.
pub fn abandon(connection: &mut PgConnection, run: Uuid, exit_code: u8) -> QueryResult<()> {
    durably(connection, |connection| {
        diesel::sql_query(
            "UPDATE backfill_run SET finished_at = now(), exit_code = $2
             WHERE id = $1 AND finished_at IS NULL",
        )
        .bind::<SqlUuid, _>(run)
        .bind::<Integer, _>(i32::from(exit_code))
        .execute(connection)
        .map(drop)
    })
}

/// Aborts the run of a job, if one is running or was interrupted: its opposite begins.
///
/// # Errors
/// If the database fails.
pub fn abandon_job(connection: &mut PgConnection, job: Job, exit_code: u8) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE backfill_run SET finished_at = now(), exit_code = $2
         WHERE job = $1 AND finished_at IS NULL",
    )
    .bind::<Text, _>(job.name)
    .bind::<Integer, _>(i32::from(exit_code))
    .execute(connection)
    .map(drop)
}

/// Waits until the task's commit, and all earlier ones, are on disk.
fn durably(
    connection: &mut PgConnection,
    task: impl FnOnce(&mut PgConnection) -> QueryResult<()>,
) -> QueryResult<()> {
    connection.transaction(|connection| {
        connection.batch_execute("SET LOCAL synchronous_commit = on")?;
        task(connection)
    })
}

/// Records a run without batches that ends now, such as a verification; returns its id.
///
/// # Errors
/// If the database fails.
pub fn record(
    connection: &mut PgConnection,
    job: Job,
    took: Duration,
    exit_code: u8,
    report: &Value,
) -> QueryResult<Uuid> {
    let id = Uuid::now_v7();
    diesel::sql_query(
        "INSERT INTO backfill_run (id, job, started_at, finished_at, exit_code, report)
         VALUES ($1, $2, now() - make_interval(secs => $5), now(), $3, $4)",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<Text, _>(job.name)
    .bind::<Integer, _>(i32::from(exit_code))
    .bind::<Jsonb, _>(report)
    .bind::<Double, _>(took.as_secs_f64())
    .execute(connection)?;
    Ok(id)
}

/// Totals of a run so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Progress {
    /// Rows read, of all passes.
    #[diesel(sql_type = BigInt)]
    pub examined: i64,
    /// Rows written.
    #[diesel(sql_type = BigInt)]
    pub changed: i64,
    /// Rows left to sweeps, counted each time.
    #[diesel(sql_type = BigInt)]
    pub skipped: i64,
    /// Rows written that are in quarantine.
    #[diesel(sql_type = BigInt)]
    pub quarantined: i64,
    /// Rows that the database rejected and that were not written since, and those that election-api
    /// did not answer; each counted once.
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
    /// Of these, each lookup counted once: thousands of rows may name a district that election-api
    /// did not answer.
    #[diesel(sql_type = BigInt)]
    pub faults: i64,
    /// Batches published.
    #[diesel(sql_type = BigInt)]
    pub batches: i64,
}

/// Totals of a run so far.
///
/// # Errors
/// If the database fails.
pub fn progress(connection: &mut PgConnection, run: Uuid) -> QueryResult<Progress> {
    // The detail names the district.
    diesel::sql_query(format!(
        "SELECT coalesce(sum(examined), 0) AS examined, coalesce(sum(changed), 0) AS changed,
                coalesce(sum(skipped), 0) AS skipped, coalesce(sum(quarantined), 0) AS quarantined,
                refusals.refused, refusals.faults,
                count(*) FILTER (WHERE done_at IS NOT NULL) AS batches
         FROM (SELECT count(*) AS refused,
                      count(DISTINCT CASE code WHEN '{DISTRICT_UNANSWERED}' THEN detail
                          ELSE concat_ws(' ', source_table, source_key) END) AS faults
               FROM backfill_quarantine WHERE run_id = $1 AND code = ANY($2)) AS refusals
         LEFT JOIN backfill_batch ON run_id = $1
         GROUP BY refusals.refused, refusals.faults"
    ))
    .bind::<SqlUuid, _>(run)
    .bind::<Array<Text>, _>(REFUSALS.as_slice())
    .get_result(connection)
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Finished {
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The exit code.
    #[diesel(sql_type = Integer)]
    pub exit_code: i32,
    /// When, in UTC.
    #[diesel(sql_type = Text)]
    pub at: String,
    /// Its findings.
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub report: Option<Value>,
}

impl Finished {
    /// How it ended.
    pub(crate) fn exit(&self) -> Exit {
        u8::try_from(self.exit_code).map_or(Exit::Unexpected, Exit::of_code)
    }

    /// Whether it left no rows, except those that need a person.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.exit(), Exit::Done | Exit::Quarantine)
    }
}

const FINISHED: &str = "SELECT id, exit_code, report,
        to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS at
    FROM backfill_run WHERE finished_at IS NOT NULL";

/// The last finished run of a job.
///
/// # Errors
/// If the database fails.
pub fn last_finished(connection: &mut PgConnection, job: Job) -> QueryResult<Option<Finished>> {
    diesel::sql_query(format!("{FINISHED} AND job = $1 ORDER BY finished_at DESC, id DESC LIMIT 1"))
        .bind::<Text, _>(job.name)
        .get_result(connection)
        .optional()
}

/// A run, if it has ended.
///
/// # Errors
/// If the database fails.
pub fn finished(connection: &mut PgConnection, run: Uuid) -> QueryResult<Option<Finished>> {
    diesel::sql_query(format!("{FINISHED} AND id = $1"))
        .bind::<SqlUuid, _>(run)
        .get_result(connection)
        .optional()
}
