//! Runs a job with its workers, and tells how it fares.

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

/// Keys named of rows that remain.
const EXAMPLES: i64 = 20;
/// How long a run takes before its rows are counted, for progress.
const COUNTED_AFTER: Duration = Duration::from_secs(3);
/// How often workers are asked whether they are done.
const WATCH: Duration = Duration::from_millis(20);

/// Is told how a run fares.
pub trait Observer {
    /// A job begins, or goes on after so much was done.
    fn begin(&mut self, job: Job, done: Progress);
    /// How many rows it has to examine, once that is counted.
    fn total(&mut self, rows: i64);
    /// Called often; `progress` reads what was done so far, which costs a query.
    fn tick(&mut self, progress: &mut dyn FnMut() -> Option<Progress>);
    /// The job has ended.
    fn end(&mut self);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn begin(&mut self, _job: Job, _done: Progress) {}
    fn total(&mut self, _rows: i64) {}
    fn tick(&mut self, _progress: &mut dyn FnMut() -> Option<Progress>) {}
    fn end(&mut self) {}
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// What was run, such as `positions`.
    pub job: &'static str,
    /// Each step of it.
    pub steps: Vec<StepReport>,
    /// How it ended, as scripts see it.
    pub exit_code: u8,
    /// Whether election-api was asked, by a job that may ask it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_ups: Option<LookUpReport>,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// What was asked of election-api by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LookUpReport {
    /// `false`: `election_api.url` is not set, and look-ups are skipped.
    pub configured: bool,
    /// Positions asked for.
    pub positions: u64,
    /// Districts asked for.
    pub districts: usize,
}

/// What one step did, by all processes and from the run's beginning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    /// Its job.
    pub step: &'static str,
    /// The run.
    pub run: Uuid,
    /// How it ended.
    pub exit_code: u8,
    /// Rows read; one that was swept counts each time.
    pub examined: i64,
    /// Rows written.
    pub changed: i64,
    /// Rows that were locked, or changed since they were read, counted each time.
    pub skipped: i64,
    /// Rows that the database refused, or that election-api had no answer about.
    pub refused: i64,
    /// Batches.
    pub batches: i64,
    /// Seconds that this process worked on it.
    pub seconds: f64,
    /// Rows that want work still.
    pub remaining: i64,
    /// The first of them.
    pub remaining_keys: Vec<String>,
    /// Rows in quarantine, by code.
    pub quarantine: BTreeMap<String, i64>,
}

/// Takes the facts of every position that campaigns name into the table of positions.
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
        // Whoever joins a run goes on with what was noted when it began.
        legacy::note_named_positions(&mut connection)?;
    }
    let work = Positions { look_ups };
    let count = |connection: &mut PgConnection, _: &Run| {
        store::unhurried(connection, legacy::count_noted_positions)
    };
    let step = execute(&mut connection, &work, options, observer, count)?;
    Ok(report("positions", vec![step], look_ups, "backfill run organizations"))
}

/// Gives campaigns and elected offices their organization and position.
///
/// # Errors
/// See [`RunError`]; [`RunError::NotYet`] unless `run positions` was done once.
pub fn run_organizations(
    options: &Options,
    look_ups: Option<&LookUps>,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    let mut connection = prepare(options)?;
    let positions = store::last_finished(&mut connection, Job::Positions)?;
    // Positions that are refused are stated when campaigns that name them are linked, or refused again.
    if positions.is_none_or(|run| !matches!(run.exit_code, 0 | 41)) {
        return Err(RunError::NotYet("backfill run positions"));
    }
    let campaigns = Campaigns { look_ups };
    let mut campaigns = execute_to_the_end(&mut connection, &campaigns, options, observer)?;
    let unreadable = legacy::unreadable_rows(&mut connection)?;
    let unreadable = store::quarantine_unreadable(&mut connection, campaigns.run, &unreadable)?;
    // Positions that came up since `run positions` are stated here.
    let positions = store::codes(&mut connection, POSITION)?;
    if (unreadable > 0 || !positions.is_empty()) && campaigns.exit_code == 0 {
        campaigns.exit_code = 41;
    }
    let offices = execute_to_the_end(&mut connection, &ElectedOffices, options, observer)?;
    Ok(report("organizations", vec![campaigns, offices], look_ups, "backfill verify"))
}

/// Gives saved filters the organization of their campaign.
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
    // Rows that remain weigh more than rows in quarantine.
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

/// The backfill writes what live writers keep true; in `legacy` they do not.
pub(crate) fn require_phase_1(connection: &mut PgConnection) -> Result<(), RunError> {
    match phase::read(connection)? {
        Phase::One if is_expanded(connection, Group::Phase1) => Ok(()),
        Phase::One => Err(RunError::NotYet("backfill migrate phase-1-expand")),
        phase => Err(RunError::WrongPhase(phase)),
    }
}

/// Every campaign has an organization that its filters can have, and filters have a place for it.
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

/// Both stores are written, so that they can be compared; returns the phase.
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
                        // The others come to an end, too; their batches go back.
                        options.stop.request();
                    }
                    ended
                })
            })
            .collect();
        let mut count = Some(count);
        while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            // Counted beside the work, and only if that takes long enough for anybody to ask.
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
        // Of several, the one that made the others stop.
        let mut failures: Vec<_> = ended.filter_map(Result::err).collect();
        failures.sort_by_key(|error| matches!(error, RunError::Stopped));
        failures.into_iter().next().map_or(Ok(()), Err)
    });
    observer.end();
    outcome?;
    // The connection that watched may have been cut off meanwhile.
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
