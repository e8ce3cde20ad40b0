//! Runs a job with its workers, and reports its progress.

use std::{
    collections::BTreeMap,
    panic::resume_unwind,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::phase::Phase;
use crate::{
    jobs::{
        campaigns::Campaigns,
        elected_offices::ElectedOffices,
        filters::VoterFileFilters,
        look_ups::LookUps,
        positions::{POSITION, Positions},
    },
    legacy,
    migrate::{self, Group},
    phase,
    run::{
        engine::{RunError, Work, Worker},
        options::Options,
    },
    sql::{self as store, Job, Progress, Run},
    status::SCHEMA_VERSION,
};
use serde::Serialize;
use uuid::Uuid;
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

/// Copies the facts of every position that campaigns name to the position table.
///
/// # Errors
/// See [`RunError`].
pub fn run_positions(
    options: &Options,
    look_ups: Option<&LookUps>,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    let mut connection = prepare(options)?;
    if !store::is_under_way(&mut connection, Job::Positions)? {
        // A process that joins a run continues with what was recorded when the run began.
        legacy::note_named_positions(&mut connection)?;
    }
    let work = Positions { look_ups };
    let count = |connection: &mut PgConnection, _: &Run| {
        store::unhurried(connection, legacy::count_noted_positions)
    };
    let step = execute(&mut connection, &work, options, observer, count)?;
    Ok(report("positions", vec![step], look_ups, "backfill run organizations"))
}

/// Links campaigns and elected offices to their organization and position.
///
/// # Errors
/// See [`RunError`]; [`RunError::NotYet`] before the first `run positions`.
pub fn run_organizations(
    options: &Options,
    look_ups: Option<&LookUps>,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    let mut connection = prepare(options)?;
    let positions = store::last_finished(&mut connection, Job::Positions)?;
    // Rejected positions are stored when campaigns that name them are linked, or rejected again.
    if positions.is_none_or(|run| !matches!(run.exit_code, 0 | 41)) {
        return Err(RunError::NotYet("backfill run positions"));
    }
    let campaigns = Campaigns { look_ups };
    let mut campaigns = execute_to_the_end(&mut connection, &campaigns, options, observer)?;
    let unreadable = legacy::unreadable_rows(&mut connection)?;
    let unreadable = store::quarantine_unreadable(&mut connection, campaigns.run, &unreadable)?;
    // Positions that appeared after `run positions` are stored here.
    let positions = store::codes(&mut connection, POSITION)?;
    if (unreadable > 0 || !positions.is_empty()) && campaigns.exit_code == 0 {
        campaigns.exit_code = 41;
    }
    let offices = execute_to_the_end(&mut connection, &ElectedOffices, options, observer)?;
    Ok(report("organizations", vec![campaigns, offices], look_ups, "backfill verify"))
}

/// Attaches saved filters to the organization of their campaign.
///
/// # Errors
/// See [`RunError`]; [`RunError::NotYet`] before phase 1 is enforced and `phase-2-expand` applied.
pub fn run_voter_file_filters(
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    let mut connection = prepare(options)?;
    require_for_filters(&mut connection)?;
    let filters = execute_to_the_end(&mut connection, &VoterFileFilters, options, observer)?;
    let report = report("voter-file-filters", vec![filters], None, "backfill verify");
    Ok(RunReport { look_ups: None, ..report })
}

fn report(
    job: &'static str,
    steps: Vec<StepReport>,
    look_ups: Option<&LookUps>,
    next_step: &str,
) -> RunReport {
    // Remaining rows take precedence over quarantined rows.
    let ended = |code| steps.iter().any(|step| step.exit_code == code);
    let exit_code = [40, 23, 41].into_iter().find(|code| ended(*code)).unwrap_or_default();
    let next_step =
        if exit_code == 23 { format!("backfill run {job}") } else { next_step.to_owned() };
    let (positions, districts) = look_ups.map(LookUps::asked).unwrap_or_default();
    RunReport {
        schema_version: SCHEMA_VERSION,
        job,
        steps,
        exit_code,
        look_ups: Some(LookUpReport { configured: look_ups.is_some(), positions, districts }),
        next_steps: vec![next_step],
    }
}

fn prepare(options: &Options) -> Result<PgConnection, RunError> {
    let mut connection = store::connect_worker(&options.url, "backfill")?;
    require_phase_1(&mut connection)?;
    Ok(connection)
}

fn is_expanded(connection: &mut PgConnection, group: Group) -> bool {
    migrate::is_expanded(connection, group).is_ok_and(|whole| whole)
}

/// Live writers keep the backfilled data up to date; in `legacy` they do not.
pub(crate) fn require_phase_1(connection: &mut PgConnection) -> Result<(), RunError> {
    match phase::read(connection)? {
        Phase::One if is_expanded(connection, Group::Phase1) => Ok(()),
        Phase::One => Err(RunError::NotYet("backfill migrate phase-1-expand")),
        phase => Err(RunError::WrongPhase(phase)),
    }
}

/// Every campaign has an organization for its filters, and filters have a column for it.
pub(crate) fn require_for_filters(connection: &mut PgConnection) -> Result<(), RunError> {
    require_phase_1(connection)?;
    if !store::is_phase_1_enforced(connection)? {
        return Err(RunError::NotYet("backfill enforce phase-1"));
    }
    if !is_expanded(connection, Group::Phase2) {
        return Err(RunError::NotYet("backfill migrate phase-2-expand"));
    }
    Ok(())
}

/// Both stores are written, so they can be compared; returns the phase.
pub(crate) fn require_both_stores(connection: &mut PgConnection) -> Result<Phase, RunError> {
    match phase::read(connection)? {
        phase @ (Phase::Two | Phase::Three) => Ok(phase),
        phase => require_phase_1(connection).map(|()| phase),
    }
}

/// [`execute`] for a job that may leave rows.
fn execute_to_the_end<W: Work>(
    connection: &mut PgConnection,
    work: &W,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<StepReport, RunError> {
    let count = |connection: &mut PgConnection, run: &Run| {
        let done = store::progress(connection, run.id)?;
        let left = work.remaining(connection, run.last_key.as_deref(), 0)?;
        Ok(done.examined - done.skipped + left.rows)
    };
    let mut step = execute(connection, work, options, observer, count)?;
    if !matches!(step.exit_code, 0 | 41) {
        let remaining = work.remaining(connection, None, EXAMPLES)?;
        (step.remaining, step.remaining_keys) = (remaining.rows, remaining.first);
    }
    Ok(step)
}

fn execute<W: Work>(
    connection: &mut PgConnection,
    work: &W,
    options: &Options,
    observer: &mut dyn Observer,
    count: impl FnOnce(&mut PgConnection, &Run) -> diesel::QueryResult<i64>,
) -> Result<StepReport, RunError> {
    let started = Instant::now();
    let last_key = work.last_key(connection)?;
    let run = store::join(connection, work.job(), last_key.as_deref())?;
    observer.begin(work.job(), store::progress(connection, run.id)?);
    let turns: Vec<_> = (0..options.workers.max(1)).map(|_| Mutex::new(())).collect();
    let outcome = std::thread::scope(|scope| {
        let workers: Vec<_> = turns
            .iter()
            .flat_map(|turn| std::iter::repeat_n(turn, options.hands()))
            .map(|turn| {
                let run = run.clone();
                scope.spawn(move || {
                    let ended =
                        Worker::new(work, run, options, turn).and_then(|mut worker| worker.run());
                    if ended.is_err() {
                        // The other workers stop too and return their batches.
                        options.stop.request();
                    }
                    ended
                })
            })
            .collect();
        let mut count = Some(count);
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            // Counted in parallel with the work, and only if the run takes long enough to matter.
            if started.elapsed() >= COUNTED_AFTER
                && let Some(rows) = count.take().and_then(|count| count(connection, &run).ok())
            {
                observer.total(rows);
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
    });
    observer.end();
    outcome?;
    // The monitoring connection may have been lost in the meantime.
    if store::progress(connection, run.id).is_err() {
        *connection = store::connect_worker(&options.url, "backfill")?;
    }
    let done = store::progress(connection, run.id)?;
    let exit_code = store::finished(connection, run.id)?.map_or(0, |run| run.exit_code);
    Ok(StepReport {
        step: work.job().as_str(),
        run: run.id,
        exit_code: u8::try_from(exit_code).unwrap_or(1),
        examined: done.examined,
        changed: done.changed,
        skipped: done.skipped,
        refused: done.refused,
        batches: done.batches,
        seconds: started.elapsed().as_secs_f64(),
        remaining: 0,
        remaining_keys: Vec::new(),
        quarantine: store::codes(connection, work.table()).map_err(store_error)?,
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
