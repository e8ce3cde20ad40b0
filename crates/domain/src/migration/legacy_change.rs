//! What the old service changed beside us and the tables do not say yet (design §3, "Neighbours").
//!
//! Triggers note the campaigns: those whose office or district it wrote into the JSON, and those that it won
//! an office with.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    base::{CampaignId, StoreError},
    positions::BallotReadyId,
};

/// A campaign that was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyChange {
    /// The campaign.
    pub campaign: CampaignId,
    /// How many changes had been noted when it was read.
    pub changes: i32,
    /// The position that its JSON named then, if election-api has yet to state its facts.
    pub unverified: Option<BallotReadyId>,
}

/// What came of the wish to [take](LegacyChanges::take) a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is locked, and so many changes of it are noted.
    Noted(i32),
    /// Nothing is noted of it any more.
    Settled,
    /// Somebody else holds it.
    Held,
}

/// How far the tables lag behind the old service.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lag {
    /// Campaigns noted.
    pub pending: i64,
    /// Of these, those that could not be brought into the tables yet.
    pub failing: i64,
    /// How long the one that waits longest has waited.
    pub oldest_seconds: f64,
}

/// Reads and settles what triggers noted; only where
/// [`Feature::Organizations`](crate::database::Feature::Organizations). Times are the database's.
pub trait LegacyChanges {
    /// Takes the lease of the one worker, or renews it; `false` while another worker has it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn lease(&mut self, worker: Uuid, duration: Duration) -> Result<bool, StoreError>;

    /// Gives the lease back, so that another worker need not wait for its end.
    ///
    /// # Errors
    /// [`StoreError`].
    fn release(&mut self, worker: Uuid) -> Result<(), StoreError>;

    /// The campaigns to look at now, what has waited longest first. One that is being changed right now is
    /// left alone for a moment, and one that failed until its next attempt is due. Those that were `tried` come
    /// last, in that order.
    ///
    /// # Errors
    /// [`StoreError`].
    fn due(&mut self, limit: i64, tried: &[CampaignId]) -> Result<Vec<LegacyChange>, StoreError>;

    /// Locks a campaign that is noted, unless somebody else holds it. From here on, this transaction gives up
    /// soon when somebody else holds a row that it needs: other campaigns wait behind this one.
    ///
    /// # Errors
    /// [`StoreError`].
    fn take(&mut self, campaign: CampaignId) -> Result<Taken, StoreError>;

    /// Removes the note of a campaign, if there were no more than so many changes; returns whether it did.
    /// It waits for nobody who is noting one more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget(&mut self, campaign: CampaignId, changes: i32) -> Result<bool, StoreError>;

    /// Notes that a campaign could not be brought into the tables: the next attempt is due after a second,
    /// and after twice as long each time, up to five minutes. Nothing is noted while somebody else holds the
    /// campaign, whose transaction would fail for it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn postpone(&mut self, campaign: CampaignId) -> Result<(), StoreError>;

    /// How far the tables lag behind.
    ///
    /// # Errors
    /// [`StoreError`].
    fn lag(&mut self) -> Result<Lag, StoreError>;
}

/// Where no old service changes anything any more.
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
