//! The worker that follows the old service; only one runs across all servers.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use metrics::{counter, gauge};
use uuid::Uuid;
use winserve_domain::{
    base::{CampaignId, StoreError},
    migration::LegacyChange,
    positions::{BallotReadyId, PositionFacts},
};
use winserve_workers::{Background, StopSignal};

use super::{DRAINED, FAILED, Follower, Lease};

/// How often to check for changes.
const POLL: Duration = Duration::from_millis(250);
/// How often to retry the lease while another worker has it or the phase has nothing to follow.
const STANDBY: Duration = Duration::from_secs(1);
/// How long to wait before retrying a campaign that is not settled.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How long to remember an attempt.
const REMEMBER: Duration = Duration::from_mins(1);
/// How long to sleep after a database failure.
const REST: Duration = Duration::from_secs(2);
/// Lease duration; other workers take over after it. Renewed at half time.
const LEASE: Duration = Duration::from_secs(4);
/// How often the lag is measured.
const MEASURE: Duration = Duration::from_secs(2);
/// How long the worker may take to finish its current work.
const GRACE: Duration = Duration::from_secs(5);

/// The worker of this process. Dropping it stops it immediately, without data loss.
#[derive(Debug)]
pub struct FollowerWorker(Background);

impl FollowerWorker {
    /// Starts the worker on the caller's runtime. It idles while another process has the lease and
    /// in phases without anything to follow.
    #[must_use]
    pub fn start(follower: Follower) -> Self {
        for name in [DRAINED, FAILED] {
            counter!(name).increment(0);
        }
        let mut background = Background::default();
        let measured = follower.clone();
        background.start("the worker that measures the lag behind the old service", move |stop| {
            measure(measured.clone(), stop)
        });
        background.start("the worker that follows the old service", move |stop| {
            let (id, tried) = (Uuid::now_v7(), Tried::default());
            Worker { follower: follower.clone(), id, lease: None, tried, stop }.run()
        });
        Self(background)
    }

    /// Lets the worker finish its current campaign and release the lease.
    pub async fn stop(self) {
        if !self.0.stop(GRACE).await {
            tracing::info!(
                "stopped while copying a change of the old service; another worker will retry it"
            );
        }
    }
}

struct Worker {
    follower: Follower,
    id: Uuid,
    /// When this worker last acquired or renewed the lease, while it has it.
    lease: Option<Instant>,
    tried: Tried,
    stop: StopSignal,
}

/// Campaigns that were tried and are not settled, usually because their rows are locked; the last
/// one tried comes last. Kept in memory rather than in their change records: a transaction that
/// locks a campaign may be about to update its record, and would fail.
#[derive(Default)]
struct Tried(Vec<(CampaignId, Instant)>);

impl Tried {
    fn campaigns(&self) -> Vec<CampaignId> {
        self.0.iter().map(|(campaign, _)| *campaign).collect()
    }

    /// Whether it is too early to retry a campaign.
    fn rests(&self, campaign: CampaignId) -> bool {
        self.0.iter().any(|(it, at)| *it == campaign && at.elapsed() < TRY_AGAIN)
    }

    fn add(&mut self, campaign: CampaignId) {
        self.remove(campaign);
        self.0.push((campaign, Instant::now()));
    }

    fn remove(&mut self, campaign: CampaignId) {
        // Other workers may have settled a campaign that has not come up for a long time.
        self.0.retain(|(it, at)| *it != campaign && at.elapsed() < REMEMBER);
    }
}

impl Worker {
    async fn run(mut self) {
        while !self.stop.is_given() {
            let rest = match self.turn().await {
                Ok(rest) => rest,
                Err(error) => {
                    tracing::warn!(%error, "changes of the old service cannot be read");
                    self.lease = None;
                    REST
                }
            };
            self.stop.sleep(rest).await;
        }
        if self.lease.is_some()
            && let Err(error) = self.follower.release(self.id).await
        {
            tracing::warn!(%error, "could not release the lease on changes of the old service; it will expire");
        }
    }

    /// Processes a page of changes; returns how long to sleep afterwards.
    async fn turn(&mut self) -> Result<Duration, StoreError> {
        if !self.has_lease().await? {
            return Ok(STANDBY);
        }
        let mut due = self.follower.due(self.tried.campaigns()).await?;
        due.retain(|change| !self.tried.rests(change.campaign));
        if due.is_empty() {
            return Ok(POLL);
        }
        // Campaigns that need no lookup do not wait for election-api.
        let (known, unverified): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|change| change.unverified.is_none());
        let mut is_done = self.adopt_each(known, &HashMap::new()).await?;
        if !unverified.is_empty() && !self.stop.is_given() {
            let answers = self.follower.ask(&unverified).await;
            is_done &= self.adopt_each(unverified, &answers).await?;
        }
        // The rest is locked by others.
        Ok(if is_done { Duration::ZERO } else { POLL })
    }

    /// Returns whether all campaigns are complete.
    async fn adopt_each(
        &mut self,
        changes: Vec<LegacyChange>,
        answers: &HashMap<BallotReadyId, PositionFacts>,
    ) -> Result<bool, StoreError> {
        let mut is_done = true;
        for change in changes {
            if self.stop.is_given() || !self.has_lease().await? {
                return Ok(false);
            }
            let campaign = change.campaign;
            if self.follower.adopt(change, answers).await? {
                self.tried.remove(campaign);
            } else {
                self.tried.add(campaign);
                is_done = false;
            }
        }
        Ok(is_done)
    }

    /// Whether this worker has the lease and renewed it in time.
    async fn has_lease(&mut self) -> Result<bool, StoreError> {
        if self.lease.is_some_and(|since| since.elapsed() < LEASE / 2) {
            return Ok(true);
        }
        let since = Instant::now();
        let lease = if self.follower.is_wanted().await? {
            self.follower.lease(self.id, LEASE).await?
        } else {
            Lease::Off
        };
        let had_it = self.lease.is_some();
        self.lease = (lease == Lease::Held).then_some(since);
        match (had_it, self.lease.is_some()) {
            (false, true) => tracing::info!("this process now follows the old service"),
            (true, false) => {
                tracing::info!(?lease, "this process no longer follows the old service");
            }
            _ => {}
        }
        Ok(self.lease.is_some())
    }
}

/// Every process reports the lag, because it is the same for all.
async fn measure(follower: Follower, mut stop: StopSignal) {
    while !stop.is_given() {
        match follower.lag().await {
            Ok(lag) => {
                gauge!("legacy_changes_pending").set(lossy(lag.pending));
                gauge!("legacy_changes_failing").set(lossy(lag.failing));
                gauge!("legacy_changes_oldest_age_seconds").set(lag.oldest_seconds);
            }
            Err(error) => {
                tracing::warn!(%error, "the lag behind the old service cannot be measured");
            }
        }
        stop.sleep(MEASURE).await;
    }
}

/// Exact far beyond any number of campaigns.
fn lossy(count: i64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
