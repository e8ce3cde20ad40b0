//! The engine of all jobs: claims batches, publishes them, and handles rejections.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    commands::{self, CLERK_COMMANDS},
    phase::{self, Phase},
    run::{options::Options, tuner::Tuner},
    sql::{
        self as store, Batch, Claim, Counts, Cut, Entry, Fate, Job, ROW_REFUSED, Range, Refusal,
        Remaining, Run, refusal,
    },
};
use diesel::{Connection as _, QueryResult, result::Error as DieselError};
use uuid::Uuid;
use winserve_admin::{Exit, Failure, clerk::ClerkError};
use winserve_domain::{
    base::{BoxError, Cancelled, StoreError},
    positions::ElectionUnavailable,
};
use winserve_persistence::{
    ConnectError, PgConnection,
    backends::{Announced, announce},
    cancellation, refusal_behind,
};

/// How often to try a batch that conflicts with other transactions.
const CONTENTION_TRIES: u32 = 10;
/// Sweeps that may find every remaining row locked before the run ends without those rows.
const FRUITLESS_PASSES: i64 = 10;
/// Passes before the run ends without rows that others keep changing.
const MOST_PASSES: i32 = 100;
/// Consecutive lost connections allowed; a server that accepts and immediately closes connections
/// is considered down.
const LOSSES: u32 = 20;
/// How often a waiting worker checks whom it waits for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Rows examined before the share of rejected rows is checked.
const BUDGET_FROM: i64 = 200;
/// Maximum number of rejected rows and unanswered lookups.
const BUDGET_ROWS: i64 = 1_000;

/// Why a run ended before its rows did. Published batches stay, and the same command resumes the
/// run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The phase does not allow the job.
    #[error("the current phase is {0}; the backfill runs in phase-1")]
    WrongPhase(Phase),
    /// The phase does not allow to remove the old keys, or to put them back.
    #[error("the current phase is {0}; `backfill clean` and `backfill restore` run in phase-3")]
    NotPhase3(Phase),
    /// A difference was accepted that `clean` never refuses, or never accepts.
    #[error("--accept does not know the category {name}; known categories: {}", known.join(", "))]
    UnknownCategory {
        /// The accepted category.
        name: String,
        /// The categories that can be accepted.
        known: &'static [&'static str],
    },
    /// `enforce phase-3` has begun: the JSON of other services does not matter any more.
    #[error("`enforce phase-3` was run: there is nothing left to clean, and no way to restore")]
    Over,
    /// Another job has to come first.
    #[error("run `{0}` first")]
    NotYet(&'static str),
    /// election-api is not configured.
    #[error("election_api.url is not set: set it, then run the same command again")]
    NoElectionApi,
    /// An operator stopped it.
    #[error("stopped; run the same command again to continue")]
    Stopped,
    /// The database rejects too many rows, or election-api leaves too many lookups unanswered.
    #[error(
        "too many rejected rows or unanswered lookups: {refused} in {examined} rows, the last one: {last}; see \
         `backfill quarantine list`, fix the cause, then run the same command again"
    )]
    BudgetExceeded {
        /// Rejected rows and unanswered lookups, each counted once.
        refused: i64,
        /// Rows examined.
        examined: i64,
        /// The last rejection.
        last: String,
    },
    /// election-api answers nothing at all.
    #[error(
        "election-api is unavailable; completed work is kept. Run the same command again when it is back"
    )]
    Election(#[source] ElectionUnavailable),
    /// Clerk, or the switch that turns its sync on.
    #[error(transparent)]
    Clerk(ClerkError),
    /// The database is unreachable or has no free connection.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// Other sessions held row or table locks for too long.
    #[error("timed out waiting for locks of other sessions")]
    Blocked(#[source] BoxError),
    /// The database was reachable, but cancelled a statement.
    #[error("{why}")]
    Cancelled {
        /// Why.
        why: Cancelled,
        /// The database's error.
        source: BoxError,
    },
    /// A defect.
    #[error("database error")]
    Failed(#[source] BoxError),
}

impl Failure for RunError {
    fn exit(&self) -> Exit {
        match self {
            Self::WrongPhase(_)
            | Self::NotPhase3(_)
            | Self::Over
            | Self::UnknownCategory { .. }
            | Self::NotYet(_)
            | Self::NoElectionApi => Exit::Precondition,
            Self::Clerk(error) => error.exit(),
            Self::Stopped => Exit::Signal,
            Self::BudgetExceeded { .. } => Exit::BudgetExceeded,
            Self::Election(_) | Self::Unavailable(_) | Self::Blocked(_) => Exit::Infrastructure,
            Self::Cancelled { .. } | Self::Failed(_) => Exit::Unexpected,
        }
    }
}

impl RunError {
    /// The phase is not the one that a command runs in.
    pub(crate) const fn wrong_phase(found: Phase, wanted: Phase) -> Self {
        match wanted {
            Phase::Three => Self::NotPhase3(found),
            Phase::Legacy | Phase::One | Phase::Two => Self::WrongPhase(found),
        }
    }

    /// Commands to run next.
    #[must_use]
    pub fn next_steps(&self) -> Vec<String> {
        let command = match self {
            Self::WrongPhase(Phase::Legacy) => commands::ADVANCE,
            // The runs are done; later changes are fixed row by row.
            Self::WrongPhase(Phase::Two) => commands::COMPARE,
            Self::WrongPhase(_) | Self::NotPhase3(_) | Self::Over => commands::PLAN,
            Self::NotYet(command) => command,
            Self::Clerk(error) => return error.next_steps(&CLERK_COMMANDS),
            Self::UnknownCategory { .. }
            | Self::NoElectionApi
            | Self::Stopped
            | Self::BudgetExceeded { .. }
            | Self::Election(_)
            | Self::Unavailable(_)
            | Self::Blocked(_)
            | Self::Cancelled { .. }
            | Self::Failed(_) => return Vec::new(),
        };
        vec![command.to_owned()]
    }
}

impl From<DieselError> for RunError {
    fn from(error: DieselError) -> Self {
        if let Some(why) = cancellation(&error) {
            return Self::Cancelled { why, source: error.into() };
        }
        match refusal(&error) {
            Refusal::Contention => Self::Blocked(error.into()),
            Refusal::ConnectionLost | Refusal::OutOfResources => Self::Unavailable(error.into()),
            Refusal::TooSlow | Refusal::Data | Refusal::Defect => Self::Failed(error.into()),
        }
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source)
                if refusal_behind(source.as_ref()) == Some(Refusal::Contention) =>
            {
                Self::Blocked(source)
            }
            StoreError::Unavailable(source) => Self::Unavailable(source),
            StoreError::Cancelled { why, source } => Self::Cancelled { why, source },
            error => Self::Failed(error.into()),
        }
    }
}

impl From<ConnectError> for RunError {
    fn from(error: ConnectError) -> Self {
        StoreError::from(error).into()
    }
}

/// Why a batch was not published.
#[derive(Debug)]
pub(crate) enum BatchError {
    Database(DieselError),
    Election(ElectionUnavailable),
    /// Another worker holds the batch.
    Fenced,
    WrongPhase(Phase),
}

impl From<DieselError> for BatchError {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

/// Extends the lease of a batch.
pub(crate) type Keep<'a> = &'a mut dyn FnMut(&mut PgConnection) -> Result<(), BatchError>;

/// What a job does with a key range.
pub(crate) trait Work: Sync {
    /// What is read and decided before the transaction that publishes.
    type Prepared: Default;

    /// The run that it records.
    const JOB: Job;

    /// Table of the keys.
    const TABLE: &'static str;

    /// The phase in which it writes.
    const PHASE: Phase = Phase::One;

    /// How a run ends that leaves only refused rows.
    const IF_REFUSED: Exit = Exit::RowsRemain;

    /// Maximum number of keys per batch, however fast they are written.
    fn most(&self) -> i64 {
        i64::MAX
    }

    /// The current last key, which is the end of a run that begins now; `None`: no such limit is
    /// needed.
    fn last_key(&self, connection: &mut PgConnection) -> QueryResult<Option<String>>;

    /// The next keys to process.
    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>>;

    /// Reads, decides, and asks other services. `keep` extends the lease; call it regularly if this
    /// takes time.
    fn prepare(
        &self,
        _connection: &mut PgConnection,
        _run: Uuid,
        _range: &Range,
        _keep: Keep<'_>,
    ) -> Result<Self::Prepared, BatchError> {
        Ok(Self::Prepared::default())
    }

    /// Writes, within the transaction that completes the batch.
    fn publish(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        range: &Range,
        prepared: &Self::Prepared,
    ) -> QueryResult<Counts>;

    /// Unprocessed rows through a key, with the given number of keys.
    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining>;

    /// The number of rows that the run examines, for the progress display.
    fn total(&self, connection: &mut PgConnection, run: &Run) -> QueryResult<i64> {
        let done = store::progress(connection, run.id)?;
        let left = self.remaining(connection, run.last_key.as_deref(), 0)?;
        Ok(done.examined - done.skipped + left.rows)
    }

    /// The number of unprocessed keys in a range.
    fn count(&self, connection: &mut PgConnection, range: &Range) -> QueryResult<i32> {
        let cut = self.cut(connection, range.after.as_deref(), Some(&range.through), i64::MAX)?;
        Ok(cut.map_or(0, |cut| i32::try_from(cut.rows).unwrap_or(i32::MAX)))
    }
}

/// Works on a run until it ends; returns the exit code.
pub(crate) struct Worker<'a, W> {
    pub(crate) work: &'a W,
    pub(crate) run: Run,
    pub(crate) options: &'a Options,
    /// Workers that share it write one at a time.
    turn: &'a Mutex<()>,
    connection: PgConnection,
    tuner: Tuner,
}

impl<'a, W: Work> Worker<'a, W> {
    pub(crate) fn new(
        work: &'a W,
        run: Run,
        options: &'a Options,
        turn: &'a Mutex<()>,
    ) -> Result<Self, RunError> {
        let connection = connect(options, &store::worker_name(W::JOB))?;
        let tuner = Tuner::new(run.batch_size, options.batch());
        Ok(Self { work, run, options, turn, connection, tuner })
    }

    /// Works until the run ends.
    pub(crate) fn run(&mut self) -> Result<(), RunError> {
        while let Some(batch) = self.next_batch()? {
            let started = Instant::now();
            self.finish_batch(batch)?;
            self.options.stop.sleep(started.elapsed().mul_f64(self.options.nice));
        }
        Ok(())
    }

    /// Claims a batch, and completes the run's passes; `None`: the run has ended.
    fn next_batch(&mut self) -> Result<Option<Batch>, RunError> {
        // Do not wait at the end of a pass; other workers may still have much to do.
        let wait = Duration::from_millis(if self.options.nice > 0.0 { 100 } else { 20 });
        let mut waiting: Option<(Announced, Instant)> = None;
        loop {
            if self.options.stop.is_requested() {
                return Err(RunError::Stopped);
            }
            let (run, lease, work) = (self.run.id, self.options.lease, self.work);
            let last_key = self.run.last_key.clone();
            let claim = self.patiently(|connection| {
                let claimed = store::claim(connection, run, lease, |connection, after, limit| {
                    work.cut(connection, after, last_key.as_deref(), limit.min(work.most()))
                });
                match claimed {
                    // Another worker is cutting; that may take long if few rows of a large table
                    // remain.
                    Err(error) if refusal(&error) == Refusal::Contention => Ok(Claim::Wait),
                    claimed => claimed,
                }
            })?;
            match claim {
                Claim::Batch(batch) => return Ok(Some(batch)),
                Claim::Wait => {
                    let is_fresh = |at: &Instant| at.elapsed() < LOOK_AGAIN;
                    if !waiting.as_ref().is_some_and(|(_, at)| is_fresh(at)) {
                        let run = self.run.clone();
                        let holders = self.patiently(|it| store::holders(it, &run, W::JOB))?;
                        let announced = match waiting.take() {
                            Some((announced, _)) => {
                                announced.set(holders);
                                announced
                            }
                            None => announce(holders),
                        };
                        waiting = Some((announced, Instant::now()));
                    }
                    self.options.stop.sleep(wait);
                }
                Claim::PassOver { pass, skipped, fruitless } => {
                    self.end_pass(pass, skipped, fruitless)?;
                }
                Claim::Ended => return Ok(None),
            }
        }
    }

    /// Sweeps until no rows remain of those that existed when the run began, except rows that stay
    /// locked, are rejected, or keep changing.
    fn end_pass(&mut self, pass: i32, skipped: i64, fruitless: i64) -> Result<(), RunError> {
        let (run, work) = (self.run.id, self.work);
        let last_key = self.run.last_key.clone();
        let Remaining { rows, refused, .. } =
            self.patiently(|connection| work.remaining(connection, last_key.as_deref(), 0))?;
        if refused == 0 {
            // Rejected rows that this run or their users have written since.
            self.patiently(|connection| store::forget_refusals(connection, W::TABLE))?;
        }
        let codes = self.patiently(|connection| store::codes(connection, W::TABLE))?;
        let exit = if rows == 0 {
            Some(if codes.is_empty() { Exit::Done } else { Exit::Quarantine })
        } else if skipped == 0 && rows <= refused {
            Some(W::IF_REFUSED)
        } else if fruitless >= FRUITLESS_PASSES || pass >= MOST_PASSES {
            Some(Exit::RowsRemain)
        } else {
            None
        };
        if let Some(exit) = exit {
            return self.patiently(|connection| store::finish(connection, run, pass, exit.code()));
        }
        let doubled = 50_u64 << u32::try_from(fruitless).unwrap_or(4).min(4);
        self.options.stop.sleep(Duration::from_millis(doubled));
        self.patiently(|connection| store::begin_pass(connection, run, pass))
    }

    /// Tries a batch until it is published, split down to a rejected row, or lost to another
    /// worker.
    fn finish_batch(&mut self, mut batch: Batch) -> Result<(), RunError> {
        let (mut tries, mut losses) = (0, 0);
        loop {
            if self.options.stop.is_requested() {
                self.patiently(|connection| store::release(connection, &batch))?;
                return Err(RunError::Stopped);
            }
            let error = match self.attempt(&batch) {
                Ok(Counts { refused: 0, .. }) | Err(BatchError::Fenced) => return Ok(()),
                Ok(_) => return self.check_budget(),
                Err(error) => error,
            };
            tries += 1;
            let kind = match &error {
                BatchError::Database(error) => Some(refusal(error)),
                _ => None,
            };
            tracing::warn!(batch = batch.id, tries, ?error, "a batch was not published");
            match (kind, error) {
                (Some(Refusal::Contention), _) if tries < CONTENTION_TRIES => {
                    self.options.stop.sleep(backoff(tries));
                }
                (Some(Refusal::ConnectionLost), _) if losses < LOSSES => {
                    losses += 1;
                    if self.patiently(|connection| store::look_at(connection, &batch))?
                        != Fate::Held
                    {
                        return Ok(());
                    }
                }
                (Some(Refusal::TooSlow | Refusal::Data), BatchError::Database(error)) => {
                    match self.narrow(&batch, &error)? {
                        Some(narrower) => (batch, tries) = (narrower, 0),
                        None => return Ok(()),
                    }
                }
                (_, error) => {
                    self.patiently(|connection| store::release(connection, &batch))?;
                    return Err(match error {
                        BatchError::Database(error) => error.into(),
                        BatchError::Election(error) => RunError::Election(error),
                        BatchError::WrongPhase(phase) => RunError::wrong_phase(phase, W::PHASE),
                        BatchError::Fenced => RunError::Stopped,
                    });
                }
            }
        }
    }

    fn attempt(&mut self, batch: &Batch) -> Result<Counts, BatchError> {
        let (work, run, lease) = (self.work, self.run.id, self.options.lease);
        let mut keep = |connection: &mut PgConnection| -> Result<(), BatchError> {
            if store::renew(connection, batch, lease)? { Ok(()) } else { Err(BatchError::Fenced) }
        };
        let prepared = work.prepare(&mut self.connection, run, &batch.range, &mut keep)?;
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let started = Instant::now();
        let counts = self.connection.transaction(|connection| {
            let phase = phase::read_for_writing(connection)?;
            if phase != W::PHASE {
                return Err(BatchError::WrongPhase(phase));
            }
            let counts = work.publish(connection, run, &batch.range, &prepared)?;
            // The checks of COMMIT do not block writers.
            drop(turn);
            if store::complete(connection, batch, counts)? {
                Ok(counts)
            } else {
                Err(BatchError::Fenced)
            }
        })?;
        if let Some(rows) = self.tuner.observe(counts.examined, started.elapsed()) {
            store::set_batch_size(&mut self.connection, run, rows)?;
        }
        Ok(counts)
    }

    /// Halves a rejected batch; a single row goes to the quarantine. Returns the half to continue
    /// with.
    fn narrow(&mut self, batch: &Batch, error: &DieselError) -> Result<Option<Batch>, RunError> {
        let Range { after, through } = &batch.range;
        let work = self.work;
        let cut = |connection: &mut PgConnection, limit| {
            work.cut(connection, after.as_deref(), Some(through), limit)
        };
        let left = self.patiently(|connection| cut(connection, i64::MAX))?;
        let rows = left.as_ref().map_or(0, |it| it.rows);
        if rows <= 1 {
            self.refuse(batch, left.map(|it| it.through), error)?;
            return Ok(None);
        }
        let Some(middle) = self.patiently(|connection| cut(connection, rows / 2))? else {
            return Ok(Some(batch.clone()));
        };
        self.patiently(|connection| store::split(connection, batch, &middle.through))
    }

    /// Completes a batch without its only row, if that row is still unprocessed.
    fn refuse(
        &mut self,
        batch: &Batch,
        key: Option<String>,
        error: &DieselError,
    ) -> Result<(), RunError> {
        let run = self.run.id;
        let keys: Vec<_> = key.into_iter().collect();
        let rows = i32::from(!keys.is_empty());
        let counts = Counts { examined: rows, refused: rows, ..Counts::default() };
        let detail = Some(describe(error));
        let entries: Vec<_> = keys
            .iter()
            .map(|key| Entry { key: key.clone(), code: ROW_REFUSED, detail: detail.clone() })
            .collect();
        self.patiently(|connection| {
            connection.transaction(|connection| {
                if store::complete(connection, batch, counts)? {
                    store::quarantine(connection, run, W::TABLE, &keys, &entries)?;
                }
                Ok(())
            })
        })?;
        self.check_budget()
    }

    /// Ends the run if too many rows are rejected or too many lookups are unanswered.
    fn check_budget(&mut self) -> Result<(), RunError> {
        let run = self.run.id;
        let done = self.patiently(|connection| store::progress(connection, run))?;
        let (refused, examined) = (done.faults, done.examined);
        let is_too_much = refused * BUDGET_FROM > examined && examined > BUDGET_FROM;
        if refused > BUDGET_ROWS || is_too_much {
            let last = self.patiently(|connection| store::last_refusal(connection, run))?;
            let exit_code = Exit::BudgetExceeded.code();
            self.patiently(|connection| store::abandon(connection, run, exit_code))?;
            let last = last.unwrap_or_default();
            return Err(RunError::BudgetExceeded { refused, examined, last });
        }
        Ok(())
    }

    /// Runs a repeatable operation, on a new connection if the old one is lost.
    fn patiently<T>(
        &mut self,
        mut task: impl FnMut(&mut PgConnection) -> QueryResult<T>,
    ) -> Result<T, RunError> {
        let (mut tries, mut losses) = (0, 0);
        loop {
            let error = match task(&mut self.connection) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            tries += 1;
            match refusal(&error) {
                Refusal::ConnectionLost if losses < LOSSES => {
                    losses += 1;
                    self.options.stop.sleep(backoff(losses - 1));
                    let name = store::worker_name(W::JOB);
                    self.connection = connect(self.options, &name)?;
                }
                Refusal::Contention if tries < CONTENTION_TRIES => {
                    std::thread::sleep(backoff(tries));
                }
                _ => return Err(error.into()),
            }
        }
    }
}

/// Describes the rejection without row contents: constraint names and messages come from the
/// schema; only exception texts may not, and they are truncated.
fn describe(error: &DieselError) -> String {
    match error {
        DieselError::DatabaseError(_, information) => match information.constraint_name() {
            Some(constraint) => format!("constraint {constraint}"),
            None => information.message().chars().take(120).collect(),
        },
        _ => "unreadable".to_owned(),
    }
}

/// 50 ms, doubling to 5 s, plus up to 100 % jitter.
fn backoff(tries: u32) -> Duration {
    let base = (25_u64 << tries.min(8)).min(5_000);
    Duration::from_millis(base + fastrand::u64(0..=base))
}

/// Connects, and waits as long as the options allow.
fn connect(options: &Options, name: &str) -> Result<PgConnection, RunError> {
    let until = Instant::now() + options.patience;
    let mut tries = 0;
    loop {
        match store::connect_worker(&options.url, name) {
            Ok(connection) => return Ok(connection),
            Err(error) if Instant::now() >= until => return Err(error.into()),
            Err(_) if options.stop.is_requested() => return Err(RunError::Stopped),
            Err(error) => {
                tries += 1;
                tracing::warn!(%error, tries, "no connection; retrying");
                options.stop.sleep(backoff(tries));
            }
        }
    }
}
