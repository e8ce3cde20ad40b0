//! Brings what the old service changed into the tables, a campaign at a time (design §3, "Neighbours").

mod worker;

pub use worker::FollowerWorker;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use crate::phase::Phase;
use metrics::counter;
use tokio::{task::JoinSet, time::timeout};
use uuid::Uuid;
use winserve_domain::{
    base::{CampaignId, Clock, StoreError},
    campaigns::{AdoptedChange, adopt_change},
    database::{Database, UnitOfWork},
    migration::{Lag, LegacyChange},
    positions::{BallotReadyId, ElectionService, Facts, PositionFacts},
};

/// How many campaigns are looked at together, and positions asked for at a time.
const PAGE: i64 = 20;
/// How long election-api is waited for. A position that it has not answered for by then is stored by the campaign's
/// word, as when a user picks it (design D6).
const ASKING: Duration = Duration::from_secs(1);

/// Campaigns that were brought into the tables.
pub(crate) const DRAINED: &str = "legacy_changes_drained_total";
/// Attempts that failed.
pub(crate) const FAILED: &str = "legacy_changes_failed_total";

/// Brings what the old service changed into the tables.
#[derive(Clone)]
pub struct Follower {
    /// The database.
    pub database: Arc<dyn Database>,
    /// Knows the positions that the old service picks.
    pub election: Arc<dyn ElectionService>,
    /// The clock of what is stored.
    pub clock: Arc<dyn Clock>,
}

/// Whether a worker may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    /// There is nothing to follow in this phase.
    Off,
    /// Another worker has it.
    Taken,
    /// This worker has it.
    Held,
}

impl Follower {
    /// Whether the phase has anything to follow. Where it has not, no connection of the pool is used: those are
    /// for requests.
    pub(crate) async fn is_wanted(&self) -> Result<bool, StoreError> {
        if Phase::last_seen(&*self.database).writes_both() {
            return Ok(true);
        }
        let ready = self.database.ready().await;
        ready.map(|phase| Phase::parse(phase).unwrap_or_default().writes_both())
    }

    /// Takes or renews the lease of the one worker.
    pub(crate) async fn lease(
        &self,
        worker: Uuid,
        duration: Duration,
    ) -> Result<Lease, StoreError> {
        let lease = move |uow: &mut dyn UnitOfWork| {
            if !Phase::of(uow).writes_both() {
                return Ok(Lease::Off);
            }
            let is_held = uow.legacy_changes().lease(worker, duration)?;
            Ok::<_, StoreError>(if is_held { Lease::Held } else { Lease::Taken })
        };
        self.database.transaction("legacy_change.lease", lease).await
    }

    /// Gives the lease back.
    pub(crate) async fn release(&self, worker: Uuid) -> Result<(), StoreError> {
        let release = move |uow: &mut dyn UnitOfWork| {
            if Phase::of(uow).has_tables() { uow.legacy_changes().release(worker) } else { Ok(()) }
        };
        self.database.transaction("legacy_change.release", release).await
    }

    /// The campaigns to look at now; those that were tried come last, in that order.
    pub(crate) async fn due(
        &self,
        tried: Vec<CampaignId>,
    ) -> Result<Vec<LegacyChange>, StoreError> {
        let due = move |uow: &mut dyn UnitOfWork| {
            if Phase::of(uow).writes_both() {
                uow.legacy_changes().due(PAGE, &tried)
            } else {
                Ok(Vec::new())
            }
        };
        self.database.read("legacy_change.due", due).await
    }

    /// How far the tables lag behind; not at all where nothing has to be followed.
    pub(crate) async fn lag(&self) -> Result<Lag, StoreError> {
        if !Phase::last_seen(&*self.database).writes_both() {
            return Ok(Lag::default());
        }
        let lag = |uow: &mut dyn UnitOfWork| {
            if Phase::of(uow).writes_both() {
                uow.legacy_changes().lag()
            } else {
                Ok(Lag::default())
            }
        };
        self.database.read("legacy_change.lag", lag).await
    }

    /// What election-api says of the positions that it has not stated yet.
    pub(crate) async fn ask(
        &self,
        changes: &[LegacyChange],
    ) -> HashMap<BallotReadyId, PositionFacts> {
        let wanted: HashSet<_> = changes.iter().filter_map(|it| it.unverified.clone()).collect();
        let (mut asking, mut answers) = (JoinSet::new(), HashMap::new());
        let asked = wanted.len();
        for id in wanted {
            let election = Arc::clone(&self.election);
            asking.spawn(async move { election.position(&id).await });
        }
        let mut unanswered = 0_usize;
        let answering = async {
            while let Some(asked) = asking.join_next().await {
                match asked {
                    Ok(Ok(Some(facts))) => drop(answers.insert(facts.id.clone(), facts)),
                    // It does not know the position.
                    Ok(Ok(None)) => {}
                    Ok(Err(_)) | Err(_) => unanswered += 1,
                }
            }
        };
        let is_late = timeout(ASKING, answering).await.is_err();
        if is_late || unanswered > 0 {
            tracing::warn!(
                asked,
                answered = answers.len(),
                "election-api gave no answer for positions of the old service; they are stored unverified"
            );
        }
        answers
    }

    /// Brings a campaign into the tables; returns whether nothing is left of it to do.
    ///
    /// # Errors
    /// [`StoreError`] when not even the failure could be noted.
    pub(crate) async fn adopt(
        &self,
        change: LegacyChange,
        answers: &HashMap<BallotReadyId, PositionFacts>,
    ) -> Result<bool, StoreError> {
        let campaign = change.campaign;
        let known = change.unverified.as_ref().and_then(|id| answers.get(id)).cloned();
        let facts = known.map_or(Facts::Unverified, |facts| Facts::Verified(Box::new(facts)));
        let now = self.clock.now();
        let adopting = move |uow: &mut dyn UnitOfWork| {
            if Phase::of(uow).writes_both() {
                adopt_change(uow, &change, &facts, now)
            } else {
                Ok(AdoptedChange::NotYet)
            }
        };
        // In a task of its own: a defect that shows with one campaign is that campaign's trouble.
        let database = Arc::clone(&self.database);
        let adopting =
            tokio::spawn(
                async move { database.transaction("legacy_change.adopt", adopting).await },
            );
        match adopting.await {
            Ok(Ok(AdoptedChange::Settled)) => {
                counter!(DRAINED).increment(1);
                return Ok(true);
            }
            Ok(Ok(AdoptedChange::NotYet)) => return Ok(false),
            // Somebody holds a row of it, or the database has trouble: nothing is wrong with the campaign.
            Ok(Err(error @ (StoreError::Unavailable(_) | StoreError::Cancelled { .. }))) => {
                tracing::info!(campaign = campaign.0, %error, "a change of the old service is tried again soon");
                return Ok(false);
            }
            Ok(Err(error)) => {
                tracing::warn!(campaign = campaign.0, %error, "a change of the old service waits for another attempt");
            }
            Err(panic) => {
                tracing::error!(campaign = campaign.0, %panic, "a change of the old service waits for another attempt");
            }
        }
        counter!(FAILED).increment(1);
        let postpone = move |uow: &mut dyn UnitOfWork| uow.legacy_changes().postpone(campaign);
        self.database.transaction("legacy_change.postpone", postpone).await?;
        Ok(false)
    }
}
