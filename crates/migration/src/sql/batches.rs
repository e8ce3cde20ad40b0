//! Batches: key ranges that workers claim with a lease and publish with a fencing token.
//!
//! A worker that was paused or disconnected may return after its lease has expired and another
//! worker has taken the batch. Its token is outdated then, and its writes are rolled back, because
//! the statement that completes the batch is in the same transaction as the data. Only the database
//! clock is used.

use std::time::Duration;

use diesel::{
    connection::SimpleConnection as _,
    prelude::*,
    sql_types::{BigInt, Double, Integer, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

use super::{Job, Run, worker_name};
use winserve_persistence::backends::sessions_named;

/// A range of keys in a job's own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Exclusive start; `None`: from the first key.
    pub after: Option<String>,
    /// The last key.
    pub through: String,
}

/// The next keys to process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The last of them.
    pub through: String,
    /// Their number.
    pub rows: i64,
}

/// A [`Cut`] as a query finds it: without rows, there is no last key.
#[derive(QueryableByName)]
pub(crate) struct CutRow {
    #[diesel(sql_type = Nullable<Text>)]
    through: Option<String>,
    #[diesel(sql_type = BigInt)]
    pub(crate) rows: i64,
}

/// The last key of a table.
#[derive(QueryableByName)]
pub(crate) struct LastKey {
    #[diesel(sql_type = Text)]
    pub(crate) key: String,
}

impl From<CutRow> for Option<Cut> {
    fn from(row: CutRow) -> Self {
        row.through.map(|through| Cut { through, rows: row.rows })
    }
}

/// A batch that this worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub id: i64,
    /// Proves that the worker holds it.
    pub token: Uuid,
    /// The keys.
    pub range: Range,
    /// How often it was claimed, including this time.
    pub attempts: i32,
}

/// The result of a request for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// A batch.
    Batch(Batch),
    /// Other workers hold the rest.
    Wait,
    /// All keys of the pass are processed, and no worker holds a batch.
    PassOver {
        /// The pass.
        pass: i32,
        /// Rows that it skipped: locked, or changed since they were read.
        skipped: i64,
        /// Passes since a row was last written, including this one.
        fruitless: i64,
    },
    /// The run has ended.
    Ended,
}

/// Describes who holds the remaining batches of a run, for a worker that can only wait.
///
/// # Errors
/// If the database fails.
pub fn holders(connection: &mut PgConnection, run: &Run, job: Job) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        batches: i64,
        #[diesel(sql_type = BigInt)]
        seconds: i64,
    }
    let Row { batches, seconds } = diesel::sql_query(
        "SELECT count(*) AS batches,
             coalesce(ceil(extract(epoch FROM min(lease_until) - clock_timestamp())), 0)::bigint AS seconds
         FROM backfill_batch WHERE run_id = $1 AND done_at IS NULL",
    )
    .bind::<SqlUuid, _>(run.id)
    .get_result(connection)?;
    let workers = sessions_named(connection, &worker_name(job))?;
    let workers = if workers.is_empty() {
        "no other worker is connected; this one takes them then".to_owned()
    } else {
        let workers: Vec<_> = workers.iter().map(ToString::to_string).collect();
        format!("other workers: {}", workers.join(", "))
    };
    Ok(format!(
        "{batches} batches of {} held by other workers; the first lease ends in {seconds} s ({workers})",
        job.name
    ))
}

/// Row counts of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows read.
    pub examined: i32,
    /// Rows written.
    pub changed: i32,
    /// Rows left to a sweep.
    pub skipped: i32,
    /// Rows written that are in quarantine.
    pub quarantined: i32,
    /// Rows that the database rejected or that election-api did not answer.
    pub refused: i32,
}

impl Counts {
    /// Of a batch whose rows are written unless others keep them locked.
    pub(crate) fn of_changed(examined: i32, changed: usize) -> Self {
        let changed = i32::try_from(changed).unwrap_or(i32::MAX);
        Self { examined, changed, skipped: (examined - changed).max(0), ..Self::default() }
    }
}

#[derive(QueryableByName)]
struct BatchRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    after_key: Option<String>,
    #[diesel(sql_type = Text)]
    through_key: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

#[derive(QueryableByName)]
struct RunRow {
    #[diesel(sql_type = Integer)]
    pass: i32,
    #[diesel(sql_type = Nullable<Text>)]
    frontier: Option<String>,
    #[diesel(sql_type = Integer)]
    batch_size: i32,
}

#[derive(QueryableByName)]
struct PassRow {
    #[diesel(sql_type = BigInt)]
    open: i64,
    #[diesel(sql_type = BigInt)]
    skipped: i64,
    #[diesel(sql_type = BigInt)]
    fruitless: i64,
}

/// Claims a batch of a run: one that nobody holds, such as a dead worker's, otherwise the next keys
/// that `cut` finds after the frontier, given the frontier and a number of rows.
///
/// # Errors
/// If the database fails.
pub fn claim(
    connection: &mut PgConnection,
    run: Uuid,
    lease: Duration,
    cut: impl Fn(&mut PgConnection, Option<&str>, i64) -> QueryResult<Option<Cut>>,
) -> QueryResult<Claim> {
    let token = Uuid::now_v7();
    connection.transaction(|connection| {
        if let Some(batch) = claim_open(connection, run, token, lease)? {
            return Ok(Claim::Batch(batch));
        }
        let frontier: Option<RunRow> = diesel::sql_query(
            "SELECT pass, frontier, batch_size FROM backfill_run
             WHERE id = $1 AND finished_at IS NULL FOR UPDATE",
        )
        .bind::<SqlUuid, _>(run)
        .get_result(connection)
        .optional()?;
        let Some(RunRow { pass, frontier, batch_size }) = frontier else {
            return Ok(Claim::Ended);
        };
        // Two unprocessed keys may be a whole table apart.
        connection.batch_execute("SET LOCAL statement_timeout = 0")?;
        if let Some(next) = cut(connection, frontier.as_deref(), i64::from(batch_size))? {
            diesel::sql_query("UPDATE backfill_run SET frontier = $2 WHERE id = $1")
                .bind::<SqlUuid, _>(run)
                .bind::<Text, _>(&next.through)
                .execute(connection)?;
            let row: BatchRow = diesel::sql_query(
                "INSERT INTO backfill_batch (run_id, pass, after_key, through_key, attempts, token, lease_until)
                 VALUES ($1, $2, $3, $4, 1, $5, clock_timestamp() + make_interval(secs => $6))
                 RETURNING id, after_key, through_key, attempts",
            )
            .bind::<SqlUuid, _>(run)
            .bind::<Integer, _>(pass)
            .bind::<Nullable<Text>, _>(&frontier)
            .bind::<Text, _>(&next.through)
            .bind::<SqlUuid, _>(token)
            .bind::<Double, _>(lease.as_secs_f64())
            .get_result(connection)?;
            return Ok(Claim::Batch(row.held(token)));
        }
        let row: PassRow = diesel::sql_query(
            "SELECT count(*) FILTER (WHERE done_at IS NULL) AS open,
                    coalesce(sum(skipped) FILTER (WHERE pass = $2), 0) AS skipped,
                    $2 - coalesce(max(pass) FILTER (WHERE changed > 0), 0)::bigint AS fruitless
             FROM backfill_batch WHERE run_id = $1",
        )
        .bind::<SqlUuid, _>(run)
        .bind::<Integer, _>(pass)
        .get_result(connection)?;
        Ok(match row {
            PassRow { open: 0, skipped, fruitless } => Claim::PassOver { pass, skipped, fruitless },
            _ => Claim::Wait,
        })
    })
}

fn claim_open(
    connection: &mut PgConnection,
    run: Uuid,
    token: Uuid,
    lease: Duration,
) -> QueryResult<Option<Batch>> {
    let row: Option<BatchRow> = diesel::sql_query(
        "UPDATE backfill_batch SET token = $2, attempts = attempts + 1,
             lease_until = clock_timestamp() + make_interval(secs => $3)
         WHERE id = (SELECT id FROM backfill_batch
                     WHERE run_id = $1 AND done_at IS NULL
                       AND (lease_until IS NULL OR lease_until < clock_timestamp())
                     ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, after_key, through_key, attempts",
    )
    .bind::<SqlUuid, _>(run)
    .bind::<SqlUuid, _>(token)
    .bind::<Double, _>(lease.as_secs_f64())
    .get_result(connection)
    .optional()?;
    Ok(row.map(|row| row.held(token)))
}

impl BatchRow {
    fn held(self, token: Uuid) -> Batch {
        let range = Range { after: self.after_key, through: self.through_key };
        Batch { id: self.id, token, range, attempts: self.attempts }
    }
}

/// Publishes a batch, within the transaction that writes its data. `false`: another worker holds it
/// now, and the transaction must be rolled back.
///
/// # Errors
/// If the database fails.
#[must_use = "a worker that no longer holds the batch must roll back"]
pub fn complete(connection: &mut PgConnection, batch: &Batch, counts: Counts) -> QueryResult<bool> {
    diesel::sql_query(
        "UPDATE backfill_batch SET done_at = clock_timestamp(), lease_until = NULL, examined = $3,
             changed = $4, skipped = $5, quarantined = $6, refused = $7
         WHERE id = $1 AND token = $2 AND done_at IS NULL",
    )
    .bind::<BigInt, _>(batch.id)
    .bind::<SqlUuid, _>(batch.token)
    .bind::<Integer, _>(counts.examined)
    .bind::<Integer, _>(counts.changed)
    .bind::<Integer, _>(counts.skipped)
    .bind::<Integer, _>(counts.quarantined)
    .bind::<Integer, _>(counts.refused)
    .execute(connection)
    .map(|rows| rows == 1)
}

/// The state of a batch whose transaction has an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was published.
    Published,
    /// It was not published, and the worker still holds the batch.
    Held,
    /// Another worker holds it.
    Lost,
}

/// Checks a batch after a lost connection, when COMMIT may or may not have arrived.
///
/// # Errors
/// If the database fails.
pub fn look_at(connection: &mut PgConnection, batch: &Batch) -> QueryResult<Fate> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        done: bool,
    }
    let row: Option<Row> = diesel::sql_query(
        "SELECT done_at IS NOT NULL AS done FROM backfill_batch WHERE id = $1 AND token = $2",
    )
    .bind::<BigInt, _>(batch.id)
    .bind::<SqlUuid, _>(batch.token)
    .get_result(connection)
    .optional()?;
    Ok(match row {
        Some(Row { done: true }) => Fate::Published,
        Some(Row { done: false }) => Fate::Held,
        None => Fate::Lost,
    })
}

/// Extends the lease of a batch; `false`: another worker holds it now.
///
/// # Errors
/// If the database fails.
pub fn renew(connection: &mut PgConnection, batch: &Batch, lease: Duration) -> QueryResult<bool> {
    diesel::sql_query(
        "UPDATE backfill_batch SET lease_until = clock_timestamp() + make_interval(secs => $3)
         WHERE id = $1 AND token = $2 AND done_at IS NULL",
    )
    .bind::<BigInt, _>(batch.id)
    .bind::<SqlUuid, _>(batch.token)
    .bind::<Double, _>(lease.as_secs_f64())
    .execute(connection)
    .map(|rows| rows == 1)
}

/// Releases a batch, so that others need not wait for its lease to expire.
///
/// # Errors
/// If the database fails.
pub fn release(connection: &mut PgConnection, batch: &Batch) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE backfill_batch SET lease_until = NULL WHERE id = $1 AND token = $2 AND done_at IS NULL",
    )
    .bind::<BigInt, _>(batch.id)
    .bind::<SqlUuid, _>(batch.token)
    .execute(connection)
    .map(drop)
}

/// Splits a batch: the worker keeps the keys through `middle`, the others are free. Returns the
/// part kept; `None`: another worker holds the batch now.
///
/// # Errors
/// If the database fails.
pub fn split(
    connection: &mut PgConnection,
    batch: &Batch,
    middle: &str,
) -> QueryResult<Option<Batch>> {
    connection.transaction(|connection| {
        let kept = diesel::sql_query(
            "UPDATE backfill_batch SET through_key = $3
             WHERE id = $1 AND token = $2 AND done_at IS NULL",
        )
        .bind::<BigInt, _>(batch.id)
        .bind::<SqlUuid, _>(batch.token)
        .bind::<Text, _>(middle)
        .execute(connection)?;
        if kept == 0 {
            return Ok(None);
        }
        diesel::sql_query(
            "INSERT INTO backfill_batch (run_id, pass, after_key, through_key)
             SELECT run_id, pass, $2, $3 FROM backfill_batch WHERE id = $1",
        )
        .bind::<BigInt, _>(batch.id)
        .bind::<Text, _>(middle)
        .bind::<Text, _>(&batch.range.through)
        .execute(connection)?;
        let range = Range { after: batch.range.after.clone(), through: middle.to_owned() };
        Ok(Some(Batch { range, ..batch.clone() }))
    })
}
