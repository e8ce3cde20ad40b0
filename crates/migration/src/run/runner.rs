//! Runs a job with its workers, and reports its progress.

use std::{
    collections::BTreeMap,
    panic::resume_unwind,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::{
    jobs::look_ups::LookUps,
    run::{
        engine::{RunError, Work, Worker},
        options::Options,
    },
    sql::{self as store, Job, Progress, Remaining, Run},
};
use serde::Serialize;
use uuid::Uuid;
use winserve_admin::Exit;
use winserve_persistence::{PgConnection, store_error};

/// Maximum number of listed keys of remaining rows.
const EXAMPLES: i64 = 20;
/// How long a run takes before its rows are counted for the progress display.
const COUNTED_AFTER: Duration = Duration::from_secs(3);
/// How often to check whether workers are done.
const WATCH: Duration = Duration::from_millis(20);

/// Receives the progress of a run.
pub trait Observer {
    /// A job begins, or continues after the given progress.
    fn begin(&mut self, job: Job, done: Progress);
    /// The number of rows to examine, once counted.
    fn total(&mut self, rows: i64);
    /// Called often; `progress` queries the database.
    fn tick(&mut self, progress: &mut dyn FnMut() -> Option<Progress>);
    /// The job has ended.
    fn end(&mut self);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn begin(&mut self, _job: Job, _done: Progress) {}
    fn total(&mut self, _rows: i64) {}
    fn tick(&mut self, _progress: &mut dyn FnMut() -> Option<Progress>) {}
    fn end(&mut self) {}
}

/// Result of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// What was run, such as `positions`.
    pub job: &'static str,
    /// Each step of it.
    pub steps: Vec<StepReport>,
    /// The exit code.
    pub exit_code: u8,
    /// Requests to election-api, if the job may make any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_ups: Option<LookUpReport>,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// Requests that this process made to election-api.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LookUpReport {
    /// `false`: `election_api.url` is not set, and lookups are skipped.
    pub configured: bool,
    /// Positions requested.
    pub positions: u64,
    /// Districts requested.
    pub districts: usize,
}

/// Totals of one step, over all processes and since the run began.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// Its job.
    pub step: &'static str,
    /// The run.
    pub run: Uuid,
    /// The exit code.
    pub exit_code: u8,
    /// Rows read; a swept row counts each time.
    pub examined: i64,
    /// Rows written.
    pub changed: i64,
    /// Rows that were locked or changed since they were read, counted each time.
    pub skipped: i64,
    /// Rows that the database rejected or that election-api did not answer.
    pub refused: i64,
    /// Batches.
    pub batches: i64,
    /// Seconds that this process worked on it.
    pub seconds: f64,
    /// Unprocessed rows.
    pub remaining: i64,
    /// The first of them.
    pub remaining_keys: Vec<String>,
    /// Rows in quarantine, by code.
    pub quarantine: BTreeMap<String, i64>,
}

/// A job at work.
pub(crate) struct Running<'a> {
    pub(crate) connection: PgConnection,
    pub(crate) options: &'a Options,
    pub(crate) look_ups: Option<&'a LookUps>,
    pub(crate) observer: &'a mut dyn Observer,
}

impl Running<'_> {
    /// Works on a run of the job until it ends.
    pub(crate) fn execute<W: Work>(&mut self, work: &W) -> Result<StepReport, RunError> {
        let Self { connection, options, observer, .. } = self;
        let started = Instant::now();
        let last_key = work.last_key(connection)?;
        let run = store::join(connection, W::JOB, last_key.as_deref())?;
        observer.begin(W::JOB, store::progress(connection, run.id)?);
        let outcome = watch_workers(connection, work, &run, options, *observer);
        observer.end();
        outcome?;
        // The monitoring connection may have been lost in the meantime.
        if store::progress(connection, run.id).is_err() {
            *connection = store::connect_worker(&options.url, "backfill")?;
        }
        let done = store::progress(connection, run.id)?;
        let exit = store::finished(connection, run.id)?.map_or(Exit::Done, |run| run.exit());
        let remaining = match exit {
            Exit::Done | Exit::Quarantine => Remaining::default(),
            _ => work.remaining(connection, None, EXAMPLES)?,
        };
        Ok(StepReport {
            step: W::JOB.name,
            run: run.id,
            exit_code: exit.code(),
            examined: done.examined,
            changed: done.changed,
            skipped: done.skipped,
            refused: done.refused,
            batches: done.batches,
            seconds: started.elapsed().as_secs_f64(),
            remaining: remaining.rows,
            remaining_keys: remaining.first,
            quarantine: store::codes(connection, W::TABLE).map_err(store_error)?,
        })
    }
}

/// Starts the workers, and reports their progress until they end.
fn watch_workers<W: Work>(
    connection: &mut PgConnection,
    work: &W,
    run: &Run,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<(), RunError> {
    let started = Instant::now();
    let turns: Vec<_> = (0..options.workers.max(1)).map(|_| Mutex::new(())).collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = turns
            .iter()
            .flat_map(|turn| std::iter::repeat_n(turn, options.hands()))
            .map(|turn| {
                scope.spawn(move || {
                    let ended = Worker::new(work, run.clone(), options, turn)
                        .and_then(|mut worker| worker.run());
                    if ended.is_err() {
                        // The other workers stop too and return their batches.
                        options.stop.request();
                    }
                    ended
                })
            })
            .collect();
        let mut is_counted = false;
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            // Counted in parallel with the work, and only if the run takes long enough to matter.
            if started.elapsed() >= COUNTED_AFTER && !is_counted {
                is_counted = true;
                if let Ok(rows) = work.total(connection, run) {
                    observer.total(rows);
                }
            }
            observer.tick(&mut || store::progress(connection, run.id).ok());
            std::thread::sleep(WATCH);
        }
        let ended =
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|it| resume_unwind(it)));
        // If several workers failed, the first failure stopped the others.
        let mut failures: Vec<_> = ended.filter_map(Result::err).collect();
        failures.sort_by_key(|error| matches!(error, RunError::Stopped));
        failures.into_iter().next().map_or(Ok(()), Err)
    })
}

/// The report for people.
#[must_use]
pub fn run_table(report: &RunReport) -> String {
    let mut lines = Vec::new();
    for step in &report.steps {
        lines.push(format!(
            "{}: {} rows examined, {} written, {} left to sweeps, {} refused; {} batches, {:.1} s",
            step.step,
            step.examined,
            step.changed,
            step.skipped,
            step.refused,
            step.batches,
            step.seconds,
        ));
        for (code, rows) in &step.quarantine {
            lines.push(format!("  in quarantine: {code} ({rows})"));
        }
        if step.remaining > 0 {
            let keys = step.remaining_keys.join(", ");
            lines.push(format!("  {} rows remain: {keys}", step.remaining));
        }
    }
    lines.extend(report.look_ups.map(|asked| {
        let LookUpReport { configured, positions, districts } = asked;
        if configured {
            format!("election-api was asked for {positions} positions and {districts} districts.")
        } else {
            "election-api was not asked: election_api.url is not set.".to_owned()
        }
    }));
    lines.extend(report.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
