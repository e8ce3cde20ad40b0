//! The worker that looks up incomplete data at election-api again, in any number of processes.

use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::Instant;
use winserve_domain::{
    base::StoreError,
    database::{Feature, UnitOfWork},
    positions::{LookupOutcome, LookupRetrier, OpenLookups},
};
use winserve_workers::{Background, StopSignal};

/// How often incomplete data is recorded and measured.
const NOTE: Duration = Duration::from_secs(10);
/// Pause while nothing is due.
const IDLE: Duration = Duration::from_secs(1);
/// Pause while the database fails, or does not have the tables yet.
const OFF: Duration = Duration::from_secs(5);
/// Longest pause while election-api does not answer.
const MAX_DELAY: Duration = Duration::from_secs(30);
/// How long the worker may take to finish its current lookup when it stops; after that, the lookup's lease
/// expires and another worker repeats it.
const GRACE: Duration = Duration::from_secs(5);
/// Kinds of lookups.
const KINDS: [&str; 4] = ["position", "verified-position", "district", "campaign"];

/// Looks up one item at a time, the oldest first, and pauses in between, so that users' own requests come
/// first.
#[derive(Debug)]
pub struct LookupRetryWorker(Background);

impl LookupRetryWorker {
    /// Starts on the caller's runtime, with a pause between two lookups.
    #[must_use]
    pub fn start(retrier: LookupRetrier, pause: Duration) -> Self {
        let mut background = Background::default();
        background.start("the election-api lookup worker", move |stop| {
            Worker { retrier: retrier.clone(), pause, stop }.run()
        });
        Self(background)
    }

    /// Lets the current lookup finish, for some seconds.
    pub async fn stop(self) {
        if !self.0.stop(GRACE).await {
            tracing::info!("a lookup at election-api is left unfinished; it will be repeated");
        }
    }
}

struct Worker {
    retrier: LookupRetrier,
    pause: Duration,
    stop: StopSignal,
}

impl Worker {
    async fn run(mut self) {
        let (mut noted, mut outages) = (None::<Instant>, 0_u32);
        while !self.stop.is_given() {
            if noted.is_none_or(|at| at.elapsed() >= NOTE) {
                if let Err(error) = self.note().await {
                    tracing::warn!(%error, "cannot record the lookups for election-api");
                }
                noted = Some(Instant::now());
            }
            let delay = match self.retrier.retry_next().await {
                Ok(outcome) => {
                    count(&outcome);
                    self.delay_after(&outcome, &mut outages)
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot read or store the lookups for election-api");
                    OFF
                }
            };
            self.stop.sleep(delay).await;
        }
    }

    fn delay_after(&self, outcome: &LookupOutcome, outages: &mut u32) -> Duration {
        match outcome {
            LookupOutcome::Off => OFF,
            // Keeps processes from starting at the same moment.
            LookupOutcome::Idle => IDLE.mul_f64(0.5 + fastrand::f64()),
            LookupOutcome::Known(_) | LookupOutcome::Unknown(_) | LookupOutcome::Waiting(_) => {
                *outages = 0;
                self.pause
            }
            LookupOutcome::Unanswered(subject, error) => {
                tracing::warn!(?subject, %error, "election-api did not answer; the lookup is repeated later");
                *outages = outages.saturating_add(1);
                (self.pause * 2_u32.saturating_pow(*outages)).min(MAX_DELAY)
            }
        }
    }

    async fn note(&self) -> Result<(), StoreError> {
        self.retrier.note().await?;
        let depth = |uow: &mut dyn UnitOfWork| -> Result<_, StoreError> {
            let is_kept = uow.offers(Feature::Organizations) && uow.lookups().are_kept()?;
            if is_kept { uow.lookups().depth() } else { Ok(Vec::new()) }
        };
        let depth = self.retrier.database.read("look_ups.depth", depth).await?;
        for kind in KINDS {
            let of_kind = depth.iter().find(|it| it.kind == kind);
            let number = |pick: fn(&OpenLookups) -> i64| of_kind.map_or(0.0, |it| lossy(pick(it)));
            gauge!("look_ups_open", "kind" => kind).set(number(|it| it.open));
            gauge!("look_ups_oldest_age_seconds", "kind" => kind)
                .set(number(|it| it.oldest_seconds));
        }
        Ok(())
    }
}

fn count(outcome: &LookupOutcome) {
    let (subject, outcome) = match outcome {
        LookupOutcome::Off | LookupOutcome::Idle => return,
        LookupOutcome::Known(subject) => (subject, "known"),
        LookupOutcome::Unknown(subject) => (subject, "unknown"),
        LookupOutcome::Waiting(subject) => (subject, "waiting"),
        LookupOutcome::Unanswered(subject, _) => (subject, "unanswered"),
    };
    counter!("look_ups_total", "kind" => subject.kind(), "outcome" => outcome).increment(1);
}

/// Exact for any realistic number of positions.
fn lossy(count: i64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
