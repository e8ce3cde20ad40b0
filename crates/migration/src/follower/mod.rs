//! Copies changes of the old service to the tables, one campaign at a time (design §3,
//! "Neighbours").

mod adopt;
mod worker;

use adopt::{AdoptedChange, adopt_change};
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
    database::{Database, UnitOfWork},
    migration::{Lag, LegacyChange},
    positions::{BallotReadyId, ElectionService, Facts, PositionFacts},
};

/// How many campaigns to process together, and how many positions to request at a time.
const PAGE: i64 = 20;
/// How long to wait for election-api. A position without an answer by then is stored with the
/// campaign's data, as when a user picks it (design D6).
const ASKING: Duration = Duration::from_secs(1);

/// Campaigns copied to the tables.
pub(crate) const DRAINED: &str = "legacy_changes_drained_total";
/// Attempts that failed.
pub(crate) const FAILED: &str = "legacy_changes_failed_total";

/// Copies changes of the old service to the tables.
#[derive(Clone)]
pub struct Follower {
    /// The database.
    pub database: Arc<dyn Database>,
    /// Looks up positions that the old service picks.
    pub election: Arc<dyn ElectionService>,
    /// The clock of what is stored.
    pub clock: Arc<dyn Clock>,
}

/// Whether a worker may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    /// This phase has nothing to follow.
    Off,
    /// Another worker has the lease.
    Taken,
    /// This worker has the lease.
    Held,
}

impl Follower {
    /// Whether this phase has anything to follow. If not, no pool connection is used; those are for
    /// requests.
    pub(crate) async fn is_wanted(&self) -> Result<bool, StoreError> {
        if Phase::last_seen(&*self.database).writes_both() {
            return Ok(true);
        }
        let ready = self.database.ready().await;
        ready.map(|phase| Phase::parse(phase).unwrap_or_default().writes_both())
    }

    /// Acquires or renews the lease; only one worker holds it.
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

    /// Releases the lease.
    pub(crate) async fn release(&self, worker: Uuid) -> Result<(), StoreError> {
        let release = move |uow: &mut dyn UnitOfWork| {
            if Phase::of(uow).has_tables() { uow.legacy_changes().release(worker) } else { Ok(()) }
        };
        self.database.transaction("legacy_change.release", release).await
    }

    /// The campaigns to process now; those tried before come last, in that order.
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

    /// How far the tables lag behind; `None` if there is nothing to follow.
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

    /// What election-api says about positions that it has not confirmed yet.
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
                "election-api did not answer for positions of the old service; storing them unverified"
            );
        }
        answers
    }

    /// Copies a campaign to the tables; returns whether it is complete.
    ///
    /// # Errors
    /// [`StoreError`] if even the failure could not be recorded.
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
        // A separate task, so that a panic affects only this campaign.
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
            // A row is locked, or the database has trouble; the campaign itself is fine.
            Ok(Err(error @ (StoreError::Unavailable(_) | StoreError::Cancelled { .. }))) => {
                tracing::info!(campaign = campaign.0, %error, "a change of the old service will be retried soon");
                return Ok(false);
            }
            Ok(Err(error)) => {
                tracing::warn!(campaign = campaign.0, %error, "could not copy a change of the old service; it will be retried");
            }
            Err(panic) => {
                tracing::error!(campaign = campaign.0, %panic, "could not copy a change of the old service; it will be retried");
            }
        }
        counter!(FAILED).increment(1);
        let postpone = move |uow: &mut dyn UnitOfWork| uow.legacy_changes().postpone(campaign);
        self.database.transaction("legacy_change.postpone", postpone).await?;
        Ok(false)
    }
}
