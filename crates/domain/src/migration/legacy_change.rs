//! Changes of the old service that are not in the tables yet (design §3, "Neighbours").
//!
//! Triggers record the campaigns: those whose office or district it wrote to the JSON, and those
//! that it won an office with.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    base::{CampaignId, StoreError},
    positions::BallotReadyId,
};

/// A recorded campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyChange {
    /// The campaign.
    pub campaign: CampaignId,
    /// How many changes were recorded when it was read.
    pub changes: i32,
    /// The position in its JSON at that time, if election-api has not confirmed its facts.
    pub unverified: Option<BallotReadyId>,
}

/// The result of trying to [take](LegacyChanges::take) a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is locked, with this many recorded changes.
    Noted(i32),
    /// It has no recorded changes anymore.
    Settled,
    /// Another session has locked it.
    Held,
}

/// How far the tables lag behind the old service.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lag {
    /// Recorded campaigns.
    pub pending: i64,
    /// Of these, those that could not be copied to the tables yet.
    pub failing: i64,
    /// Waiting time of the oldest one.
    pub oldest_seconds: f64,
}

/// Reads and settles the changes that triggers recorded; only with
/// [`Feature::Organizations`](crate::database::Feature::Organizations). Uses the database clock.
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait LegacyChanges {
    /// Acquires or renews the lease; only one worker holds it. `false` if another worker has it.
    fn lease(&mut self, worker: Uuid, duration: Duration) -> Result<bool, StoreError>;

    /// Releases the lease, so that another worker need not wait for it to expire.
    fn release(&mut self, worker: Uuid) -> Result<(), StoreError>;

    /// The campaigns to process now, longest waiting first. Skips a campaign that is being changed
    /// right now, and one that failed until its next attempt is due. Those that were `tried` come
    /// last, in that order.
    fn due(&mut self, limit: i64, tried: &[CampaignId]) -> Result<Vec<LegacyChange>, StoreError>;

    /// Locks a recorded campaign, unless another session has locked it. From then on, this
    /// transaction uses a short lock timeout: other campaigns wait behind this one.
    fn take(&mut self, campaign: CampaignId) -> Result<Taken, StoreError>;

    /// Deletes the record of a campaign if it has no more than the given number of changes; returns
    /// whether it did. Does not wait for a session that is recording another change.
    fn forget(&mut self, campaign: CampaignId, changes: i32) -> Result<bool, StoreError>;

    /// Records that a campaign could not be copied to the tables: the next attempt is due after one
    /// second, doubling each time, up to five minutes. Records nothing while another session has
    /// locked the campaign, because that transaction would fail.
    fn postpone(&mut self, campaign: CampaignId) -> Result<(), StoreError>;

    /// How far the tables lag behind.
    fn lag(&mut self) -> Result<Lag, StoreError>;
}

/// Used if no old service is left.
pub(crate) struct NoLegacyChanges;

impl LegacyChanges for NoLegacyChanges {
    fn lease(&mut self, _: Uuid, _: Duration) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn release(&mut self, _: Uuid) -> Result<(), StoreError> {
        Ok(())
    }

    fn due(&mut self, _: i64, _: &[CampaignId]) -> Result<Vec<LegacyChange>, StoreError> {
        Ok(Vec::new())
    }

    fn take(&mut self, _: CampaignId) -> Result<Taken, StoreError> {
        Ok(Taken::Settled)
    }

    fn forget(&mut self, _: CampaignId, _: i32) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn postpone(&mut self, _: CampaignId) -> Result<(), StoreError> {
        Ok(())
    }

    fn lag(&mut self) -> Result<Lag, StoreError> {
        Ok(Lag::default())
    }
}
