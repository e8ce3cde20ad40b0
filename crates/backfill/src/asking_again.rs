//! `backfill run look-ups`: asks election-api at once about all that is stored half known.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
};

use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use winserve_domain::{
    clock::SystemClock,
    election::{ElectionService, ElectionUnavailable},
    look_up::OpenLookUps,
    use_cases::{Asker, AskerTurn},
};
use winserve_persistence::{Db, DbOptions, PgConnection, backfill as store, connect, phase};

use crate::{engine::RunError, options::Stop, status::SCHEMA_VERSION};

/// Questions under way at once.
const AT_ONCE: u32 = 8;
/// Questions without an answer, one after the other, after which election-api counts as down.
const OUTAGES: u32 = 20;

/// Whom to ask, and what about.
#[derive(Clone)]
pub struct AskingAgain {
    /// The database.
    pub url: String,
    /// election-api.
    pub election: Arc<dyn ElectionService>,
    /// Ends the run early.
    pub stop: Stop,
}

/// What was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AskingAgainReport {
    /// Version of this JSON.
    pub schema_version: u32,
    /// `look-ups`.
    pub job: &'static str,
    /// What is known now, and was not before.
    pub known: i64,
    /// What election-api does not know.
    pub unknown: i64,
    /// What it gave no answer about.
    pub unanswered: i64,
    /// What is open still, by kind.
    pub open: BTreeMap<String, i64>,
    /// 0, or 23 when some of it was not answered.
    pub exit_code: u8,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// What is open, in a database whose phase has tables for it.
///
/// # Errors
/// [`RunError::WrongPhase`] in `legacy`; [`RunError::NotYet`] before `migrate phase-1-expand`.
pub fn open_look_ups(connection: &mut PgConnection) -> Result<Vec<OpenLookUps>, RunError> {
    require_look_ups(connection)?;
    Ok(store::open_look_ups(connection)?)
}

fn require_look_ups(connection: &mut PgConnection) -> Result<(), RunError> {
    let phase = phase::read(connection)?;
    if !phase.has_tables() {
        return Err(RunError::WrongPhase(phase));
    }
    if !store::are_look_ups_kept(connection)? {
        return Err(RunError::NotYet("backfill migrate phase-1-expand"));
    }
    Ok(())
}

/// Asks about everything that is half known, whenever it was to be asked next; in every phase but `legacy`.
///
/// # Errors
/// [`RunError::Election`] when election-api answers nothing; see also [`open_look_ups`].
pub fn ask_again(options: &AskingAgain) -> Result<AskingAgainReport, RunError> {
    let mut connection = connect(&options.url, "winserve-backfill")?;
    require_look_ups(&mut connection)?;
    let asking = Asking::begin(options)?;
    asking.runtime.block_on(asking.asker.note())?;
    store::make_look_ups_due(&mut connection)?;
    asking.ask_all_that_is_due(&options.stop)?;
    asking.report(&mut connection)
}

/// Asks about what these entries of the quarantine are about, and about whatever else is due.
pub(crate) fn ask_about_quarantined(
    connection: &mut PgConnection,
    options: &AskingAgain,
    which: &store::Unanswered<'_>,
) -> Result<(), RunError> {
    require_look_ups(connection)?;
    let asking = Asking::begin(options)?;
    store::make_quarantined_due(connection, which)?;
    asking.ask_all_that_is_due(&options.stop)?;
    store::forget_answered(connection, which)?;
    Ok(())
}

struct Asking {
    runtime: Runtime,
    asker: Asker,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    known: AtomicI64,
    unknown: AtomicI64,
    unanswered: AtomicI64,
    /// One after the other.
    outages: AtomicU32,
    last_outage: Mutex<Option<ElectionUnavailable>>,
}

impl Asking {
    fn begin(options: &AskingAgain) -> Result<Self, RunError> {
        let built = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let pool = DbOptions::new("winserve-backfill", AT_ONCE);
        Ok(Self {
            runtime: built.map_err(|error| RunError::Unavailable(error.into()))?,
            asker: Asker {
                database: Arc::new(Db::connect(&options.url, &pool, None)?),
                election: Arc::clone(&options.election),
                clock: Arc::new(SystemClock),
            },
            counts: Arc::default(),
        })
    }

    fn ask_all_that_is_due(&self, stop: &Stop) -> Result<(), RunError> {
        self.runtime.block_on(async {
            // What becomes ready by the answers of one round, such as campaigns, comes in the next.
            while self.round(stop).await? > 0 {}
            Ok(())
        })
    }

    /// Until nothing is due; returns how many questions were settled.
    async fn round(&self, stop: &Stop) -> Result<u64, RunError> {
        let mut askers = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (asker, counts, stop) =
                (self.asker.clone(), Arc::clone(&self.counts), stop.clone());
            askers.spawn(async move {
                let mut settled = 0;
                while !stop.is_requested() && counts.outages.load(Ordering::Relaxed) < OUTAGES {
                    match asker.turn().await? {
                        AskerTurn::Off | AskerTurn::Idle => break,
                        turn => counts.add(turn),
                    }
                    settled += 1;
                }
                Ok::<u64, RunError>(settled)
            });
        }
        let mut settled = 0;
        while let Some(ended) = askers.join_next().await {
            settled += ended.map_err(|panic| RunError::Failed(panic.into()))??;
        }
        if stop.is_requested() {
            return Err(RunError::Stopped);
        }
        if self.counts.outages.load(Ordering::Relaxed) >= OUTAGES {
            let mut last = self.counts.last_outage.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(RunError::Election(
                last.take().unwrap_or(ElectionUnavailable::NotConfigured),
            ));
        }
        Ok(settled)
    }

    fn report(&self, connection: &mut PgConnection) -> Result<AskingAgainReport, RunError> {
        let open = store::open_look_ups(connection)?;
        let unanswered = self.counts.unanswered.load(Ordering::Relaxed);
        let next_step = if unanswered > 0 { "backfill run look-ups" } else { "backfill plan" };
        Ok(AskingAgainReport {
            schema_version: SCHEMA_VERSION,
            job: "look-ups",
            known: self.counts.known.load(Ordering::Relaxed),
            unknown: self.counts.unknown.load(Ordering::Relaxed),
            unanswered,
            open: open.into_iter().map(|it| (it.kind, it.open)).collect(),
            exit_code: if unanswered > 0 { 23 } else { 0 },
            next_steps: vec![next_step.to_owned()],
        })
    }
}

impl Counts {
    fn add(&self, turn: AskerTurn) {
        let counter = match &turn {
            AskerTurn::Off | AskerTurn::Idle => return,
            AskerTurn::Known(_) => &self.known,
            AskerTurn::Unknown(_) => &self.unknown,
            AskerTurn::Unanswered(..) => &self.unanswered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if let AskerTurn::Unanswered(subject, error) = turn {
            tracing::warn!(?subject, %error, "election-api gave no answer");
            self.outages.fetch_add(1, Ordering::Relaxed);
            *self.last_outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        } else {
            self.outages.store(0, Ordering::Relaxed);
        }
    }
}

/// The report for people.
#[must_use]
pub fn asking_again_table(report: &AskingAgainReport) -> String {
    let AskingAgainReport { known, unknown, unanswered, open, next_steps, .. } = report;
    let mut lines = vec![format!(
        "{known} things are known now; election-api does not know {unknown}, and did not answer about {unanswered}."
    )];
    lines.extend(open.iter().map(|(kind, open)| format!("  still open: {kind} ({open})")));
    lines.extend(next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
