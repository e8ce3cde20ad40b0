//! The one engine of every job: claims batches, publishes them, and decides what a refusal means.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::phase::Phase;
use crate::{
    phase,
    run::{options::Options, tuner::Tuner},
    sql::{
        self as store, Batch, Claim, Counts, Cut, Entry, Fate, Job, ROW_REFUSED, Range, Refusal,
        Remaining, Run, refusal,
    },
};
use diesel::{Connection as _, QueryResult, result::Error as DieselError};
use uuid::Uuid;
use winserve_domain::{
    base::{BoxError, Cancelled, StoreError},
    clerk::{DirectoryFailure, DirectoryRefusal, InstanceProblem},
    positions::ElectionUnavailable,
};
use winserve_persistence::{
    ConnectError, PgConnection,
    backends::{Announced, announce},
    cancellation, refusal_behind,
};

/// How often a batch is tried while other transactions are in the way.
const CONTENTION_TRIES: u32 = 10;
/// Sweeps that may find every remaining row locked before the run ends without them.
const FRUITLESS_PASSES: i64 = 10;
/// Walks over the keys before the run ends without rows that others change again and again.
const MOST_PASSES: i32 = 100;
/// Connections that may be lost one after the other; a server that accepts them and ends them at once
/// is no server.
const LOSSES: u32 = 20;
/// How often somebody who waits for others looks who they are.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Rows examined before the share of refused ones counts.
const BUDGET_FROM: i64 = 200;
/// Rows refused and things not answered at most.
const BUDGET_ROWS: i64 = 1_000;

/// Why a run ended before its rows did. What was published stays, and the run is resumed by the
/// same command.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The phase does not allow the job.
    #[error("the phase is {0}; the backfill runs in phase-1")]
    WrongPhase(Phase),
    /// Another job has to come first.
    #[error("`{0}` has to be done first")]
    NotYet(&'static str),
    /// There is nobody to ask.
    #[error("election_api.url is not set: set it, then run the same command again")]
    NoElectionApi,
    /// Somebody asked for it.
    #[error("stopped; the same command goes on")]
    Stopped,
    /// The database refuses too many rows, or election-api answers about too few.
    #[error(
        "{refused} refused rows or unanswered look-ups in {examined} rows are too many, the last one: {last}; see \
         `backfill quarantine list`, mend the cause, then run the same command again"
    )]
    BudgetExceeded {
        /// Rows refused, and things that election-api did not answer about, each once.
        refused: i64,
        /// Rows examined.
        examined: i64,
        /// The last refusal.
        last: String,
    },
    /// election-api answers nothing at all.
    #[error(
        "election-api is unavailable; what was done is kept, and the same command goes on when it is back"
    )]
    Election(#[source] ElectionUnavailable),
    /// Nothing can be done with the Clerk instance until people change something.
    #[error("{0}")]
    ClerkInstance(InstanceProblem),
    /// Phase 1b was turned off while Clerk was asked.
    #[error("phase-1b was turned off meanwhile, so that Clerk is left alone")]
    TurnedOff,
    /// Clerk gives no answer.
    #[error("Clerk is unavailable")]
    Clerk(#[source] DirectoryFailure),
    /// The database is away, or has no room.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// Others kept rows or a table locked for too long.
    #[error("the locks of others were waited for in vain")]
    Blocked(#[source] BoxError),
    /// The database is there, and ended a statement before its end.
    #[error("{why}")]
    Cancelled {
        /// Why.
        why: Cancelled,
        /// The database's error.
        source: BoxError,
    },
    /// A defect.
    #[error("the database refused")]
    Failed(#[source] BoxError),
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

impl From<DirectoryFailure> for RunError {
    fn from(failure: DirectoryFailure) -> Self {
        match failure {
            DirectoryFailure::Refused(DirectoryRefusal::Instance(problem)) => {
                Self::ClerkInstance(problem)
            }
            failure => Self::Clerk(failure),
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

/// What a job does with a range of its keys.
pub(crate) trait Work: Sync {
    /// What is read and decided before the transaction that publishes.
    type Prepared;

    /// Its name.
    fn job(&self) -> Job;

    /// Table of the keys.
    fn table(&self) -> &'static str;

    /// Keys of a batch at most, however fast they are written.
    fn most(&self) -> i64 {
        i64::MAX
    }

    /// The last key there is now, with which a run that begins now ends; `None`: it needs no such bound.
    fn last_key(&self, connection: &mut PgConnection) -> QueryResult<Option<String>>;

    /// The next keys that want work.
    fn cut(
        &self,
        connection: &mut PgConnection,
        after: Option<&str>,
        through: Option<&str>,
        limit: i64,
    ) -> QueryResult<Option<Cut>>;

    /// Reads, decides, and asks others. `keep` holds the batch for longer and is to be called now
    /// and then when that takes time.
    fn prepare(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        range: &Range,
        keep: &mut dyn FnMut(&mut PgConnection) -> Result<(), BatchError>,
    ) -> Result<Self::Prepared, BatchError>;

    /// Writes, within the transaction that completes the batch.
    fn publish(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        range: &Range,
        prepared: &Self::Prepared,
    ) -> QueryResult<Counts>;

    /// What wants work still, through a key, with so many keys.
    fn remaining(
        &self,
        connection: &mut PgConnection,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Remaining>;
}

/// Works on a run until it ends; returns how it ended, as scripts see it.
pub(crate) struct Worker<'a, W> {
    pub(crate) work: &'a W,
    pub(crate) run: Run,
    pub(crate) options: &'a Options,
    /// Of those who share it, one writes at a time.
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
        let connection = connect(options, &store::worker_name(work.job()))?;
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

    /// Claims a batch, and sees the passes of the run through; `None`: the run has ended.
    fn next_batch(&mut self) -> Result<Option<Batch>, RunError> {
        // Nobody is kept waiting at the end of a pass; others may have much to do still.
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
                    // Another worker cuts; that may take long when little is left of a large table.
                    Err(error) if refusal(&error) == Refusal::Contention => Ok(Claim::Wait),
                    claimed => claimed,
                }
            })?;
            match claim {
                Claim::Batch(batch) => return Ok(Some(batch)),
                Claim::Wait => {
                    let is_fresh = |at: &Instant| at.elapsed() < LOOK_AGAIN;
                    if !waiting.as_ref().is_some_and(|(_, at)| is_fresh(at)) {
                        let (run, job) = (self.run.clone(), self.work.job());
                        let holders = self.patiently(|it| store::holders(it, &run, job))?;
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

    /// Sweeps until nothing is left of the rows that there were when the run began; ends without those
    /// that stay locked, are refused, or are changed again and again.
    fn end_pass(&mut self, pass: i32, skipped: i64, fruitless: i64) -> Result<(), RunError> {
        let (run, work) = (self.run.id, self.work);
        let last_key = self.run.last_key.clone();
        let Remaining { rows, refused, .. } =
            self.patiently(|connection| work.remaining(connection, last_key.as_deref(), 0))?;
        if refused == 0 {
            // Those that were refused were written since, by this run or by their users.
            self.patiently(|connection| store::forget_refusals(connection, work.table()))?;
        }
        let codes = self.patiently(|connection| store::codes(connection, work.table()))?;
        let exit_code = if rows == 0 {
            Some(if codes.is_empty() { 0 } else { 41 })
        } else if fruitless >= FRUITLESS_PASSES
            || pass >= MOST_PASSES
            || (skipped == 0 && rows <= refused)
        {
            Some(23)
        } else {
            None
        };
        if let Some(exit_code) = exit_code {
            return self.patiently(|connection| store::finish(connection, run, pass, exit_code));
        }
        let doubled = 50_u64 << u32::try_from(fruitless).unwrap_or(4).min(4);
        self.options.stop.sleep(Duration::from_millis(doubled));
        self.patiently(|connection| store::begin_pass(connection, run, pass))
    }

    /// Tries a batch until it is published, split down to a row that is refused, or lost to another
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
                        BatchError::WrongPhase(phase) => RunError::WrongPhase(phase),
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
            if phase != Phase::One {
                return Err(BatchError::WrongPhase(phase));
            }
            let counts = work.publish(connection, run, &batch.range, &prepared)?;
            // What COMMIT has to check keeps nobody from writing.
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

    /// Halves a batch that is refused; a single row goes to the quarantine. Returns the half to go on
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

    /// Completes a batch without its one row, if that wants work still.
    fn refuse(
        &mut self,
        batch: &Batch,
        key: Option<String>,
        error: &DieselError,
    ) -> Result<(), RunError> {
        let (run, table) = (self.run.id, self.work.table());
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
                    store::quarantine(connection, run, table, &keys, &entries)?;
                }
                Ok(())
            })
        })?;
        self.check_budget()
    }

    /// Ends the run when too many rows are refused, or too many things are not answered.
    fn check_budget(&mut self) -> Result<(), RunError> {
        let run = self.run.id;
        let done = self.patiently(|connection| store::progress(connection, run))?;
        let (refused, examined) = (done.faults, done.examined);
        let is_too_much = refused * BUDGET_FROM > examined && examined > BUDGET_FROM;
        if refused > BUDGET_ROWS || is_too_much {
            let last = self.patiently(|connection| store::last_refusal(connection, run))?;
            self.patiently(|connection| store::abandon(connection, run, 40))?;
            let last = last.unwrap_or_default();
            return Err(RunError::BudgetExceeded { refused, examined, last });
        }
        Ok(())
    }

    /// Runs something that may be repeated, on a new connection if the old one is lost.
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
                    let name = store::worker_name(self.work.job());
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

/// Names the refusal without what a row holds: constraints and messages are the schema's own words,
/// but for the text of an exception, which is cut.
fn describe(error: &DieselError) -> String {
    match error {
        DieselError::DatabaseError(_, information) => match information.constraint_name() {
            Some(constraint) => format!("constraint {constraint}"),
            None => information.message().chars().take(120).collect(),
        },
        _ => "unreadable".to_owned(),
    }
}

/// 50 ms, doubling to 5 s, with up to as much again at random.
fn backoff(tries: u32) -> Duration {
    let base = (25_u64 << tries.min(8)).min(5_000);
    Duration::from_millis(base + fastrand::u64(0..=base))
}

/// A connection, waited for as long as the options say.
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
                tracing::warn!(%error, tries, "no connection; trying again");
                options.stop.sleep(backoff(tries));
            }
        }
    }
}
