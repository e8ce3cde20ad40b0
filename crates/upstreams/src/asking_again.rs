//! The worker that asks election-api again about what is stored half known, in any number of processes.

use std::{fmt, time::Duration};

use metrics::{counter, gauge};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use winserve_domain::{
    look_up::OpenLookUps,
    unit_of_work::{StoreError, UnitOfWork},
    use_cases::{Asker, AskerTurn},
};

/// How often it is noted what is half known, and measured.
const NOTE: Duration = Duration::from_secs(10);
/// The rest while nothing is due.
const IDLE: Duration = Duration::from_secs(1);
/// The rest while the database fails, or has no tables for it yet.
const OFF: Duration = Duration::from_secs(5);
/// The longest rest while election-api gives no answer.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How long the worker may take to end what it has begun; its lease tells others after that.
const GRACE: Duration = Duration::from_secs(5);
/// Kinds of what is asked about.
const KINDS: [&str; 3] = ["position", "district", "campaign"];

/// Asks one thing at a time, the oldest first, and rests between questions: users' own come first.
pub struct AskingAgain {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl fmt::Debug for AskingAgain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AskingAgain").finish_non_exhaustive()
    }
}

impl AskingAgain {
    /// Starts on the runtime of the caller, with a rest between two questions.
    #[must_use]
    pub fn start(asker: &Asker, rest: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_running(Worker { asker: asker.clone(), rest, stopped }));
        Self { stop, tasks }
    }

    /// Lets the question under way end, for some seconds.
    pub async fn stop(mut self) {
        // Without a worker there is nobody to tell.
        let _told = self.stop.send(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(GRACE, ended).await.is_err() {
            tracing::info!("a question to election-api is left under way; it is asked again");
        }
    }
}

/// A worker that panics begins anew: what it could not do is due again when its lease ends.
async fn keep_running(worker: Worker) {
    // A set, so that the inner task ends with the outer one.
    let mut running = JoinSet::new();
    running.spawn(worker.clone().run());
    while let Some(ended) = running.join_next().await {
        let Err(panic) = ended else { continue };
        tracing::error!(%panic, "the worker that asks election-api again begins anew");
        sleep(OFF).await;
        running.spawn(worker.clone().run());
    }
}

#[derive(Clone)]
struct Worker {
    asker: Asker,
    rest: Duration,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    async fn run(mut self) {
        let (mut noted, mut outages) = (None::<Instant>, 0_u32);
        while !*self.stopped.borrow() {
            if noted.is_none_or(|at| at.elapsed() >= NOTE) {
                if let Err(error) = self.note().await {
                    tracing::warn!(%error, "it could not be noted what election-api has to be asked");
                }
                noted = Some(Instant::now());
            }
            let rest = match self.asker.turn().await {
                Ok(turn) => {
                    count(&turn);
                    self.rest_after(&turn, &mut outages)
                }
                Err(error) => {
                    tracing::warn!(%error, "what election-api has to be asked cannot be read or stored");
                    OFF
                }
            };
            tokio::select! {
                () = sleep(rest) => {}
                _stopped = self.stopped.changed() => {}
            }
        }
    }

    fn rest_after(&self, turn: &AskerTurn, outages: &mut u32) -> Duration {
        match turn {
            AskerTurn::Off => OFF,
            // Not all processes at one moment.
            AskerTurn::Idle => IDLE.mul_f64(0.5 + fastrand::f64()),
            AskerTurn::Known(_) | AskerTurn::Unknown(_) => {
                *outages = 0;
                self.rest
            }
            AskerTurn::Unanswered(subject, error) => {
                tracing::warn!(?subject, %error, "election-api gave no answer; it is asked again later");
                *outages = outages.saturating_add(1);
                (self.rest * 2_u32.saturating_pow(*outages)).min(LONGEST_REST)
            }
        }
    }

    async fn note(&self) -> Result<(), StoreError> {
        self.asker.note().await?;
        let depth = |uow: &mut dyn UnitOfWork| -> Result<_, StoreError> {
            let is_kept = uow.phase().has_tables() && uow.look_ups().are_kept()?;
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
        AskerTurn::Unanswered(subject, _) => (subject, "unanswered"),
    };
    counter!("look_ups_total", "kind" => subject.kind(), "outcome" => outcome).increment(1);
}

/// Exact far beyond any number of positions.
fn lossy(count: i64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
