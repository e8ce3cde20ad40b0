//! `backfill run look-ups`: asks election-api immediately about all incomplete data.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use crate::{
    Stop, commands, composition::Phases, jobs::look_ups::probe, phase, run::engine::RunError,
    sql as store, status::SCHEMA_VERSION,
};
use serde::Serialize;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};
use winserve_admin::Exit;
use winserve_domain::{
    base::SystemClock,
    positions::{ElectionService, LookupOutcome, LookupRetrier, OpenLookups, Subject},
};
use winserve_persistence::{Db, DbOptions, PgConnection, connect};

/// Concurrent requests.
const AT_ONCE: u32 = 8;
/// Consecutive unanswered requests after which the run checks whether election-api is down.
const OUTAGES: u32 = 20;

/// Where to send lookups, and what to look up.
#[derive(Clone)]
pub struct AskingAgain {
    /// The database.
    pub url: String,
    /// election-api.
    pub election: Arc<dyn ElectionService>,
    /// Ends the run early.
    pub stop: Stop,
}

/// Result of the run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AskingAgainReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// `look-ups`.
    pub job: &'static str,
    /// Items resolved by this run.
    pub known: i64,
    /// Items that election-api does not know.
    pub unknown: i64,
    /// Items that election-api did not answer.
    pub unanswered: i64,
    /// Items that are still open, by kind.
    pub open: BTreeMap<String, i64>,
    /// 0, or 23 if some items were not answered.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// Open lookups, in a database whose phase has tables for them.
///
/// # Errors
/// [`RunError::WrongPhase`] in `legacy`; [`RunError::NotYet`] before `migrate phase-1-expand`.
pub fn open_look_ups(connection: &mut PgConnection) -> Result<Vec<OpenLookups>, RunError> {
    require_look_ups(connection)?;
    Ok(store::open_look_ups(connection)?)
}

fn require_look_ups(connection: &mut PgConnection) -> Result<(), RunError> {
    let phase = phase::read(connection)?;
    if !phase.has_tables() {
        return Err(RunError::WrongPhase(phase));
    }
    if !store::are_look_ups_kept(connection)? {
        return Err(RunError::NotYet(commands::EXPAND_PHASE_1));
    }
    Ok(())
}

/// Asks once about every incomplete item, even if it is not due yet; in every phase except
/// `legacy`.
///
/// # Errors
/// [`RunError::Election`] when election-api answers nothing; see also [`open_look_ups`].
pub fn ask_again(options: &AskingAgain) -> Result<AskingAgainReport, RunError> {
    let mut connection = connect(&options.url, "winserve-backfill")?;
    require_look_ups(&mut connection)?;
    let asking = Asking::begin(options)?;
    asking.runtime.block_on(asking.retrier.note())?;
    asking.ask_all(store::open_questions(&mut connection)?, &options.stop)?;
    asking.ask_all(store::ready_campaigns(&mut connection, None)?, &options.stop)?;
    asking.report(&mut connection)
}

/// Asks about the subjects of these quarantine entries, and lets the campaigns that waited for
/// these positions name their districts.
pub(crate) fn ask_about_quarantined(
    connection: &mut PgConnection,
    options: &AskingAgain,
    which: &store::Unanswered<'_>,
) -> Result<(), RunError> {
    require_look_ups(connection)?;
    let asking = Asking::begin(options)?;
    let subjects = store::note_quarantined(connection, which)?;
    let asked = asking.ask_all(subjects.clone(), &options.stop);
    // Answers received before election-api went down are kept.
    store::forget_answered(connection, which)?;
    asked?;
    let positions: Vec<_> = subjects
        .iter()
        .filter_map(|subject| match subject {
            Subject::Position(id) => Some(id.as_str()),
            Subject::District { .. } | Subject::Campaign(_) => None,
        })
        .collect();
    asking.ask_all(store::ready_campaigns(connection, Some(&positions))?, &options.stop)
}

struct Asking {
    runtime: Runtime,
    retrier: LookupRetrier,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    known: AtomicI64,
    unknown: AtomicI64,
    unanswered: AtomicI64,
    /// Consecutive unanswered requests.
    outages: AtomicU32,
}

impl Asking {
    fn begin(options: &AskingAgain) -> Result<Self, RunError> {
        let built = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let pool = DbOptions::new("winserve-backfill", AT_ONCE);
        Ok(Self {
            runtime: built.map_err(|error| RunError::Unavailable(error.into()))?,
            retrier: LookupRetrier {
                database: Arc::new(Db::connect(&options.url, &pool, Arc::new(Phases::new(None)))?),
                election: Arc::clone(&options.election),
                clock: Arc::new(SystemClock),
            },
            counts: Arc::default(),
        })
    }

    /// Asks about each subject once, a few in parallel.
    fn ask_all(&self, subjects: Vec<Subject>, stop: &Stop) -> Result<(), RunError> {
        let queue = Arc::new(Mutex::new(VecDeque::from(subjects)));
        self.runtime.block_on(async {
            let mut retriers = JoinSet::new();
            for _ in 0..AT_ONCE {
                let (retrier, counts) = (self.retrier.clone(), Arc::clone(&self.counts));
                let (queue, stop) = (Arc::clone(&queue), stop.clone());
                retriers.spawn(async move {
                    let outcome = work_off(&retrier, &counts, &queue, &stop).await;
                    if outcome.is_err() {
                        // The other workers stop after their current requests.
                        lock(&queue).clear();
                    }
                    outcome
                });
            }
            let mut outcome = Ok(());
            while let Some(ended) = retriers.join_next().await {
                let ended = ended.map_err(|panic| RunError::Failed(panic.into())).flatten();
                outcome = outcome.and(ended);
            }
            outcome
        })
    }

    fn report(&self, connection: &mut PgConnection) -> Result<AskingAgainReport, RunError> {
        let open = store::open_look_ups(connection)?;
        let unanswered = self.counts.unanswered.load(Ordering::Relaxed);
        let (exit, next_step) = match unanswered {
            0 => (Exit::Done, commands::PLAN),
            _ => (Exit::RowsRemain, "backfill run look-ups"),
        };
        Ok(AskingAgainReport {
            schema_version: SCHEMA_VERSION,
            job: "look-ups",
            known: self.counts.known.load(Ordering::Relaxed),
            unknown: self.counts.unknown.load(Ordering::Relaxed),
            unanswered,
            open: open.into_iter().map(|it| (it.kind, it.open)).collect(),
            exit_code: exit.code(),
            next_steps: vec![next_step.to_owned()],
        })
    }
}

/// Asks about one subject after another until the queue is empty.
async fn work_off(
    retrier: &LookupRetrier,
    counts: &Counts,
    queue: &Mutex<VecDeque<Subject>>,
    stop: &Stop,
) -> Result<(), RunError> {
    loop {
        // Do not hold the lock during a request.
        let next = lock(queue).pop_front();
        let Some(subject) = next else { return Ok(()) };
        if stop.is_requested() {
            return Err(RunError::Stopped);
        }
        let turn = retrier.retry(subject).await?;
        if let Some(subject) = counts.add(turn) {
            // Several unanswered items in a row are not an outage if another item gets an answer.
            probe(retrier.election.as_ref(), &subject).await.map_err(RunError::Election)?;
            counts.outages.store(0, Ordering::Relaxed);
        }
    }
}

fn lock(queue: &Mutex<VecDeque<Subject>>) -> MutexGuard<'_, VecDeque<Subject>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counts {
    /// Counts consecutive unanswered requests; returns the subject if the count suggests an outage.
    fn add(&self, turn: LookupOutcome) -> Option<Subject> {
        let counter = match &turn {
            LookupOutcome::Off | LookupOutcome::Idle | LookupOutcome::Waiting(_) => return None,
            LookupOutcome::Known(_) => &self.known,
            LookupOutcome::Unknown(_) => &self.unknown,
            LookupOutcome::Unanswered(..) => &self.unanswered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let LookupOutcome::Unanswered(subject, error) = turn else {
            self.outages.store(0, Ordering::Relaxed);
            return None;
        };
        tracing::warn!(?subject, %error, "election-api gave no answer");
        let outages = self.outages.fetch_add(1, Ordering::Relaxed) + 1;
        (outages >= OUTAGES).then_some(subject)
    }
}

/// The report for people.
#[must_use]
pub fn asking_again_table(report: &AskingAgainReport) -> String {
    let AskingAgainReport { known, unknown, unanswered, open, next_steps, .. } = report;
    let mut lines = vec![format!(
        "{known} items were resolved; election-api does not know {unknown}, and did not answer {unanswered}."
    )];
    lines.extend(open.iter().map(|(kind, open)| format!("  still open: {kind} ({open})")));
    lines.extend(next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
