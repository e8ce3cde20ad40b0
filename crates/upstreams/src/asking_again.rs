//! The worker that looks up incomplete data at election-api again, in any number of processes.

use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::Instant;
use winserve_domain::{
    base::StoreError,
    database::{Feature, UnitOfWork},
    positions::{Asker, AskerTurn, OpenLookUps},
};
use winserve_workers::{Background, StopSignal};

/// How often incomplete data is recorded and measured.
const NOTE: Duration = Duration::from_secs(10);
/// Pause while nothing is due.
const IDLE: Duration = Duration::from_secs(1);
/// Pause while the database fails, or does not have the tables yet.
const OFF: Duration = Duration::from_secs(5);
/// Longest pause while election-api does not answer.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How long the worker may take to finish its current lookup when it stops; after that, the lookup's lease
/// expires and another worker repeats it.
const GRACE: Duration = Duration::from_secs(5);
/// Kinds of lookups.
const KINDS: [&str; 4] = ["position", "verified-position", "district", "campaign"];

/// Looks up one item at a time, the oldest first, and pauses in between, so that users' own requests come
/// first.
#[derive(Debug)]
pub struct AskingAgain(Background);

impl AskingAgain {
    /// Starts on the caller's runtime, with a pause between two lookups.
    #[must_use]
    pub fn start(asker: Asker, rest: Duration) -> Self {
        let mut background = Background::default();
        background.start("the election-api lookup worker", move |stop| {
            Worker { asker: asker.clone(), rest, stop }.run()
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
    asker: Asker,
    rest: Duration,
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
            let rest = match self.asker.turn().await {
                Ok(turn) => {
                    count(&turn);
                    self.rest_after(&turn, &mut outages)
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot read or store the lookups for election-api");
                    OFF
                }
            };
            self.stop.rest(rest).await;
        }
    }

    fn rest_after(&self, turn: &AskerTurn, outages: &mut u32) -> Duration {
        match turn {
            AskerTurn::Off => OFF,
            // Keeps processes from starting at the same moment.
            AskerTurn::Idle => IDLE.mul_f64(0.5 + fastrand::f64()),
            AskerTurn::Known(_) | AskerTurn::Unknown(_) | AskerTurn::Waiting(_) => {
                *outages = 0;
                self.rest
            }
            AskerTurn::Unanswered(subject, error) => {
                tracing::warn!(?subject, %error, "election-api did not answer; the lookup is repeated later");
                *outages = outages.saturating_add(1);
                (self.rest * 2_u32.saturating_pow(*outages)).min(LONGEST_REST)
            }
        }
    }

    async fn note(&self) -> Result<(), StoreError> {
        self.asker.note().await?;
        let depth = |uow: &mut dyn UnitOfWork| -> Result<_, StoreError> {
            let is_kept = uow.offers(Feature::Organizations) && uow.look_ups().are_kept()?;
            if is_kept { uow.look_ups().depth() } else { Ok(Vec::new()) }
        };
        let depth = self.asker.database.read("look_ups.depth", depth).await?;
        for kind in KINDS {
            let of_kind = depth.iter().find(|it| it.kind == kind);
            let number = |pick: fn(&OpenLookUps) -> i64| of_kind.map_or(0.0, |it| lossy(pick(it)));
            gauge!("look_ups_open", "kind" => kind).set(number(|it| it.open));
            gauge!("look_ups_oldest_age_seconds", "kind" => kind)
                .set(number(|it| it.oldest_seconds));
        }
        Ok(())
    }
}

fn count(turn: &AskerTurn) {
    let (subject, outcome) = match turn {
        AskerTurn::Off | AskerTurn::Idle => return,
        AskerTurn::Known(subject) => (subject, "known"),
        AskerTurn::Unknown(subject) => (subject, "unknown"),
        AskerTurn::Waiting(subject) => (subject, "waiting"),
        AskerTurn::Unanswered(subject, _) => (subject, "unanswered"),
    };
    counter!("look_ups_total", "kind" => subject.kind(), "outcome" => outcome).increment(1);
}

/// Exact for any realistic number of positions.
fn lossy(count: i64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
