//! `backfill run clerk-organizations`: every organization that has none gets one at Clerk.
//!
//! They are noted in the outbox, and told by the same workers that `api` has, which share the work and the
//! budget; a live change comes first.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::phase::Phase;
use crate::{
    clerk_requests::ask,
    composition::Phases,
    migrate::{self, Group},
    phase,
    run::{
        dry_run::{self, DryRunReport},
        engine::RunError,
        options::Stop,
        runner::Observer,
    },
    sql::{self as store, ClerkProgress, ClerkStanding, Job, Progress},
    status::SCHEMA_VERSION,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;
use winserve_clerk::{Workers, random_jitter};
use winserve_domain::{
    base::SystemClock,
    clerk::{DirectorySettings, InstanceProblem, OrganizationDirectory, Pace, Provisioner},
};
use winserve_persistence::{
    Db, DbOptions, PgConnection,
    backends::{Announced, announce},
    connect,
};

/// Organizations that are noted at a time.
const PAGE: i64 = 1_000;
/// How soon it is looked again how far the workers are; the wait doubles while they get no further.
const WATCH: Duration = Duration::from_millis(200);
/// The longest of these waits.
const LONGEST_WATCH: Duration = Duration::from_secs(2);
/// The name of the job.
pub(crate) const JOB: &str = "clerk-organizations";

/// How Clerk is told.
#[derive(Clone)]
pub struct ClerkRun {
    /// The database.
    pub url: String,
    /// Clerk.
    pub directory: Arc<dyn OrganizationDirectory>,
    /// How fast, and how patiently.
    pub pace: Pace,
    /// Rows that are worked on at once.
    pub workers: u8,
    /// How long it is waited while Clerk can be told nothing at all.
    pub patience: Duration,
    /// Ends the run early.
    pub stop: Stop,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClerkRunReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// `clerk-organizations`.
    pub job: &'static str,
    /// What the Clerk instance does not say of itself, in sentences.
    pub unsaid: Vec<String>,
    /// Organizations that were noted by this run.
    pub queued: i64,
    /// How organizations at Clerk stand.
    pub clerk: ClerkStanding,
    /// Seconds that it took.
    pub seconds: f64,
    /// Why rows are left; absent when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// How it ended, as scripts see it.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// How the wait for the workers ended.
enum Ending {
    /// Nothing is left.
    Done,
    /// What is left waits for a later attempt.
    Later,
    /// Somebody turned phase 1b off.
    TurnedOff,
    /// Clerk could be told nothing for so long.
    Stuck(Duration),
}

impl Ending {
    /// How scripts see it; `has_dead_letters` when people should look at some.
    const fn exit_code(&self, has_dead_letters: bool) -> u8 {
        match self {
            Self::Done if has_dead_letters => 41,
            Self::Done => 0,
            Self::Later => 23,
            Self::TurnedOff => 21,
            Self::Stuck(_) => 30,
        }
    }

    fn unfinished(&self) -> Option<String> {
        match self {
            Self::Done => None,
            Self::Later => Some("what is left waits for a later attempt".to_owned()),
            Self::TurnedOff => Some(RunError::TurnedOff.to_string()),
            Self::Stuck(patience) => {
                Some(format!("Clerk could be told nothing for {} s", patience.as_secs()))
            }
        }
    }
}

/// Clerk is told from phase 1 on, once phase 1b is on.
pub(crate) fn require_phase_1b(connection: &mut PgConnection) -> Result<(), RunError> {
    if phase::read(connection)? == Phase::Legacy {
        return Err(RunError::WrongPhase(Phase::Legacy));
    }
    for (group, command) in [
        (Group::Phase1, "backfill migrate phase-1-expand"),
        (Group::Phase1b, "backfill migrate phase-1b-expand"),
    ] {
        if !migrate::is_expanded(connection, group).is_ok_and(|whole| whole) {
            return Err(RunError::NotYet(command));
        }
    }
    if phase::read_switch(connection)?.is_some_and(|switch| switch.is_on) {
        Ok(())
    } else {
        Err(RunError::NotYet("backfill phase advance phase-1b"))
    }
}

/// A runtime for what is asked of Clerk.
pub(crate) fn runtime() -> Result<Runtime, RunError> {
    let built = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    built.map_err(|error| RunError::Unavailable(error.into()))
}

/// The settings of the instance.
pub(crate) fn probe(
    connection: &mut PgConnection,
    runtime: &Runtime,
    options: &ClerkRun,
) -> Result<DirectorySettings, RunError> {
    ask(connection, options, |_| Ok(runtime.block_on(options.directory.settings())))
}

/// What the instance does not say of itself, in sentences.
pub(crate) fn unsaid(settings: &DirectorySettings) -> Vec<String> {
    settings.unsaid.iter().map(ToString::to_string).collect()
}

/// What a run would do.
///
/// # Errors
/// See [`RunError`].
pub fn dry_run_clerk_organizations(
    connection: &mut PgConnection,
) -> Result<DryRunReport, RunError> {
    require_phase_1b(connection)?;
    let queued = store::unqueued_for_clerk(connection)?;
    let waiting = store::clerk_standing(connection)?.pending;
    let rows = BTreeMap::from([("organization", queued), ("clerk_outbox", waiting)]);
    Ok(dry_run::report(JOB, rows, BTreeMap::new()))
}

/// Notes every organization without one, and tells Clerk until nothing that was noted by then is left.
///
/// # Errors
/// See [`RunError`].
pub fn run_clerk_organizations(
    options: &ClerkRun,
    observer: &mut dyn Observer,
) -> Result<ClerkRunReport, RunError> {
    let started = Instant::now();
    let mut connection = connect(&options.url, "winserve-backfill")?;
    require_phase_1b(&mut connection)?;
    let runtime = runtime()?;
    let unsaid = unsaid(&probe(&mut connection, &runtime, options)?);
    store::resume_clerk(&mut connection)?;
    let run = store::join(&mut connection, Job::ClerkOrganizations, None)?;
    let queued = queue(&mut connection, &options.stop)?;
    let began = store::now_of_database(&mut connection)?;

    let pool = DbOptions::new("winserve-backfill", u32::from(options.workers) + 1);
    let provisioner = Provisioner {
        database: Arc::new(Db::connect(&options.url, &pool, Arc::new(Phases::new(None)))?),
        directory: Arc::clone(&options.directory),
        clock: Arc::new(SystemClock),
        jitter: random_jitter(),
        pace: options.pace,
    };
    let entered = runtime.enter();
    let workers = Workers::start(&provisioner, usize::from(options.workers));
    drop(entered);
    observer.begin(Job::ClerkOrganizations, Progress::default());
    let watched = watch(&mut connection, began, options, observer);
    observer.end();
    runtime.block_on(workers.stop());
    let ending = watched?;

    let clerk = store::clerk_standing(&mut connection)?;
    let exit_code = ending.exit_code(!clerk.dead_letters.is_empty());
    // What is left is told by whoever runs it next, or by `api`.
    store::finish(&mut connection, run.id, run.pass, exit_code)?;
    let next_steps = match exit_code {
        0 => &["backfill enforce phase-1b"][..],
        21 => &["backfill phase advance phase-1b", "backfill run clerk-organizations"],
        41 => &["backfill quarantine list"],
        _ => &["backfill run clerk-organizations"],
    };
    Ok(ClerkRunReport {
        schema_version: SCHEMA_VERSION,
        job: JOB,
        unsaid,
        queued,
        clerk,
        seconds: started.elapsed().as_secs_f64(),
        unfinished: ending.unfinished(),
        exit_code,
        next_steps: next_steps.iter().map(|step| (*step).to_owned()).collect(),
    })
}

/// Notes organizations page by page; whatever is noted stays, so that an interrupted run goes on.
fn queue(connection: &mut PgConnection, stop: &Stop) -> Result<i64, RunError> {
    let (mut queued, mut after): (i64, Option<Uuid>) = (0, None);
    loop {
        if stop.is_requested() {
            return Err(RunError::Stopped);
        }
        let (added, last) = store::queue_for_clerk(connection, after, PAGE)?;
        queued += added;
        match last {
            Some(last) => after = Some(last),
            None => return Ok(queued),
        }
    }
}

/// Waits for the workers, for as long as they get any further.
fn watch(
    connection: &mut PgConnection,
    began: DateTime<Utc>,
    options: &ClerkRun,
    observer: &mut dyn Observer,
) -> Result<Ending, RunError> {
    let total = store::clerk_progress(connection, began)?.pending;
    observer.total(total);
    let (mut left, mut since, mut wait) = (total, Instant::now(), WATCH);
    let mut waiting: Option<Announced> = None;
    loop {
        let ClerkProgress { pending, active, halted_by, is_on } =
            store::clerk_progress(connection, began)?;
        if pending == 0 {
            return Ok(Ending::Done);
        }
        if !is_on {
            return Ok(Ending::TurnedOff);
        }
        if let Some(problem) = halted_by.as_deref().and_then(InstanceProblem::parse) {
            return Err(RunError::ClerkInstance(problem));
        }
        if active == 0 {
            return Ok(Ending::Later);
        }
        if options.stop.is_requested() {
            return Err(RunError::Stopped);
        }
        if pending != left {
            (left, since, wait) = (pending, Instant::now(), WATCH);
            waiting = None;
        } else if since.elapsed() >= options.patience {
            return Ok(Ending::Stuck(options.patience));
        }
        observer.tick(&mut || {
            let examined = (total - pending).max(0);
            Some(Progress { examined, changed: examined, ..Progress::default() })
        });
        waiting.get_or_insert_with(|| announce("Clerk to accept another organization"));
        options.stop.sleep(wait);
        wait = (wait * 2).min(LONGEST_WATCH);
    }
}

/// The report for people.
#[must_use]
pub fn clerk_run_table(report: &ClerkRunReport) -> String {
    let mut lines = vec![format!(
        "{}: {} organizations were noted; {:.1} s",
        report.job, report.queued, report.seconds
    )];
    lines.extend(report.unsaid.iter().cloned());
    lines.extend(report.unfinished.iter().map(|why| format!("Unfinished: {why}.")));
    lines.extend(standing_lines(&report.clerk));
    lines.extend(report.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}

/// How organizations at Clerk stand, for people.
pub(crate) fn standing_lines(clerk: &ClerkStanding) -> Vec<String> {
    let is_on = if clerk.is_on { "on" } else { "off" };
    let mut lines = vec![format!(
        "phase-1b is {is_on}: {} of {} organizations are at Clerk; {} wait, the oldest for {} s",
        clerk.provided, clerk.organizations, clerk.pending, clerk.oldest_seconds
    )];
    if clerk.without_member > 0 {
        let keys: Vec<_> = clerk.without_member_keys.iter().map(Uuid::to_string).collect();
        lines.push(format!(
            "  {} have no member, for Clerk does not know their owner yet: {}",
            clerk.without_member,
            keys.join(", ")
        ));
    }
    for (reason, rows) in &clerk.dead_letters {
        lines.push(format!("  given up: {reason} ({rows})"));
    }
    let halted = clerk.halted_by.as_deref().and_then(InstanceProblem::parse);
    lines.extend(halted.map(|problem| format!("  nothing can be told: {problem}")));
    lines
}
