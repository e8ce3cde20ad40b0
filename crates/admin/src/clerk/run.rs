//! Syncs every organization that is not in Clerk yet.
//!
//! They are queued in the outbox and synced by workers like those of `api`, which share the work
//! and the request budget. Live changes come first.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use winserve_clerk::{Workers as ClerkWorkers, random_jitter};
use winserve_domain::{
    base::SystemClock,
    clerk::{InstanceProblem, Provisioner},
    database::Database,
};
use winserve_persistence::{
    PgConnection,
    backends::{Announced, announce},
    clerk_outbox::{self, ClerkStatus, SyncProgress},
};

use super::{
    ClerkAccess, ClerkError, JOB, require_on, runtime, settings, status_lines, unreported,
};
use crate::{Exit, SCHEMA_VERSION, Stop};

/// Organizations queued at a time.
const PAGE: i64 = 1_000;
/// How often to read the progress; the wait doubles while there is none.
const WATCH: Duration = Duration::from_millis(200);
/// The longest of these waits.
const LONGEST_WATCH: Duration = Duration::from_secs(2);

/// The workers of a command.
#[derive(Clone)]
pub struct Workers {
    /// The database, with a connection for each worker and one more.
    pub database: Arc<dyn Database>,
    /// Organizations synced concurrently.
    pub count: u8,
}

/// Result of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// [`JOB`].
    pub job: &'static str,
    /// Settings that the Clerk instance does not report, in sentences.
    #[serde(rename = "unsaid")]
    pub unreported: Vec<String>,
    /// Organizations that this run queued.
    pub queued: i64,
    /// How many organizations are synced, and how many wait.
    pub clerk: ClerkStatus,
    /// Its duration in seconds.
    pub seconds: f64,
    /// Why rows remain; absent if none do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// The exit code.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncedSoFar {
    /// Organizations that are done.
    pub done: i64,
    /// Organizations that the run has to sync.
    pub total: i64,
}

/// How a run ended.
enum Ending {
    /// Nothing is left.
    Done,
    /// The rest is left to a later attempt.
    Later,
    /// An operator turned the switch off.
    TurnedOff,
    /// No request has succeeded for this long.
    Stuck(Duration),
}

impl Ending {
    /// The exit code; dead letters need a person.
    const fn exit(&self, has_dead_letters: bool) -> Exit {
        match self {
            Self::Done if has_dead_letters => Exit::Quarantine,
            Self::Done => Exit::Done,
            Self::Later => Exit::RowsRemain,
            Self::TurnedOff => Exit::Paused,
            Self::Stuck(_) => Exit::Infrastructure,
        }
    }

    fn unfinished(&self) -> Option<String> {
        match self {
            Self::Done => None,
            Self::Later => Some("the rest will be retried later".to_owned()),
            Self::TurnedOff => Some(ClerkError::TurnedOff.to_string()),
            Self::Stuck(patience) => {
                Some(format!("no request to Clerk has succeeded for {} s", patience.as_secs()))
            }
        }
    }
}

/// The pending work of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Organizations that it would queue.
    pub unqueued: i64,
    /// Organizations that wait in the outbox.
    pub waiting: i64,
}

/// The pending work of a run; writes nothing.
///
/// # Errors
/// See [`ClerkError`].
pub fn pending(connection: &mut PgConnection) -> Result<Pending, ClerkError> {
    require_on(connection)?;
    let unqueued = clerk_outbox::count_unqueued(connection)?;
    let waiting = clerk_outbox::status(connection)?.pending;
    Ok(Pending { unqueued, waiting })
}

/// Queues every organization without a Clerk id, and waits until the workers have synced everything
/// in the outbox at that time. `observe` is called regularly with the progress.
///
/// # Errors
/// See [`ClerkError`].
pub fn run(
    connection: &mut PgConnection,
    access: &ClerkAccess,
    workers: &Workers,
    observe: &mut dyn FnMut(SyncedSoFar),
) -> Result<RunReport, ClerkError> {
    let started = Instant::now();
    require_on(connection)?;
    let runtime = runtime()?;
    let unreported = unreported(&settings(connection, &runtime, access)?);
    clerk_outbox::resume(connection)?;
    let queued = queue(connection, &access.stop)?;
    let began = clerk_outbox::now(connection)?;

    let entered = runtime.enter();
    let running = start(workers, access);
    drop(entered);
    let watched = watch(connection, began, access, observe);
    runtime.block_on(running.stop());
    let ending = watched?;

    let clerk = clerk_outbox::status(connection)?;
    let exit = ending.exit(!clerk.dead_letters.is_empty());
    let commands = access.commands;
    let next_steps = match exit {
        Exit::Done => vec![commands.after_run],
        Exit::Paused => vec![commands.turn_on, commands.run],
        Exit::Quarantine => vec![commands.list_dead_letters],
        _ => vec![commands.run],
    };
    Ok(RunReport {
        schema_version: SCHEMA_VERSION,
        job: JOB,
        unreported,
        queued,
        clerk,
        seconds: started.elapsed().as_secs_f64(),
        unfinished: ending.unfinished(),
        exit_code: exit.code(),
        next_steps: next_steps.into_iter().map(str::to_owned).collect(),
    })
}

fn start(workers: &Workers, access: &ClerkAccess) -> ClerkWorkers {
    let provisioner = Provisioner {
        database: Arc::clone(&workers.database),
        directory: Arc::clone(&access.directory),
        clock: Arc::new(SystemClock),
        jitter: random_jitter(),
        limits: access.limits,
    };
    ClerkWorkers::start(&provisioner, usize::from(workers.count))
}

/// Queues organizations page by page. Queued ones stay, so an interrupted run continues there.
fn queue(connection: &mut PgConnection, stop: &Stop) -> Result<i64, ClerkError> {
    let (mut queued, mut after): (i64, Option<Uuid>) = (0, None);
    loop {
        if stop.is_requested() {
            return Err(ClerkError::Stopped);
        }
        let (added, last) = clerk_outbox::queue(connection, after, PAGE)?;
        queued += added;
        match last {
            Some(last) => after = Some(last),
            None => return Ok(queued),
        }
    }
}

/// Waits for the workers while they make progress.
fn watch(
    connection: &mut PgConnection,
    began: DateTime<Utc>,
    access: &ClerkAccess,
    observe: &mut dyn FnMut(SyncedSoFar),
) -> Result<Ending, ClerkError> {
    let total = clerk_outbox::progress(connection, began)?.pending;
    let (mut left, mut since, mut wait) = (total, Instant::now(), WATCH);
    let mut waiting: Option<Announced> = None;
    loop {
        let SyncProgress { pending, active, halted_by, is_on } =
            clerk_outbox::progress(connection, began)?;
        observe(SyncedSoFar { done: (total - pending).max(0), total });
        if pending == 0 {
            return Ok(Ending::Done);
        }
        if !is_on {
            return Ok(Ending::TurnedOff);
        }
        if let Some(problem) = halted_by.as_deref().and_then(InstanceProblem::parse) {
            return Err(ClerkError::Instance(problem));
        }
        if active == 0 {
            return Ok(Ending::Later);
        }
        if access.stop.is_requested() {
            return Err(ClerkError::Stopped);
        }
        if pending != left {
            (left, since, wait) = (pending, Instant::now(), WATCH);
            waiting = None;
        } else if since.elapsed() >= access.patience {
            return Ok(Ending::Stuck(access.patience));
        }
        waiting.get_or_insert_with(|| announce("Clerk to accept another organization"));
        access.stop.sleep(wait);
        wait = (wait * 2).min(LONGEST_WATCH);
    }
}

/// The report for people.
#[must_use]
pub fn run_lines(report: &RunReport) -> String {
    let mut lines = vec![format!(
        "{}: {} organizations were queued; {:.1} s",
        report.job, report.queued, report.seconds
    )];
    lines.extend(report.unreported.iter().cloned());
    lines.extend(report.unfinished.iter().map(|why| format!("Unfinished: {why}.")));
    lines.extend(status_lines(&report.clerk));
    lines.extend(report.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
