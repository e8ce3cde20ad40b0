//! Open lookups in election-api.
//!
//! While election-api is unreachable, or cannot answer a lookup, positions are stored with
//! user-provided facts, and districts without an id. Each of them is recorded, and looked up again
//! until it is resolved (design D6).

use std::time::Duration;

use crate::{
    base::{CampaignId, StoreError},
    positions::{BallotReadyId, District, DistrictId, PositionId},
};

/// A subject with incomplete data.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A shared position with unverified facts, or with verified facts that lack a district or a
    /// level: these are looked up once more, within a day.
    Position(BallotReadyId),
    /// A district without a looked-up id.
    District {
        /// State code, upper case.
        state: String,
        /// Type and clean name.
        district: District,
    },
    /// A campaign that chose its position through this service while the position's district was
    /// unknown: its JSON has none. It waits for the position; no lookup is made for it.
    Campaign(CampaignId),
}

impl Subject {
    /// Its kind, for metrics and tables.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Position(_) => "position",
            Self::District { .. } => "district",
            Self::Campaign(_) => "campaign",
        }
    }
}

/// The result of a lookup that leaves its subject open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupMiss {
    /// election-api does not know it, or not completely.
    Unknown,
    /// election-api did not answer.
    Unanswered,
}

impl LookupMiss {
    /// Its name, for metrics and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unanswered => "unanswered",
        }
    }

    /// The wait after the first such result, which doubles each time, and the maximum wait.
    /// election-api may learn about a subject eventually; an outage ends sooner.
    #[must_use]
    pub const fn waits(self) -> (Duration, Duration) {
        match self {
            Self::Unknown => (Duration::from_mins(10), Duration::from_hours(24)),
            Self::Unanswered => (Duration::from_secs(15), Duration::from_mins(10)),
        }
    }
}

/// How many subjects of a kind are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLookups {
    /// [`Subject::kind`], or `verified-position` for a position that is looked up once more.
    pub kind: String,
    /// How many.
    pub open: i64,
    /// Of these, those without an answer at the last lookup.
    pub unanswered: i64,
    /// Age of the oldest, in seconds. Counts campaigns only if election-api may have the answer
    /// that they wait for: their position is neither unknown to it nor verified without a district.
    pub oldest_seconds: i64,
}

/// Open lookups in the store; only with
/// [`Feature::Organizations`](crate::database::Feature::Organizations).
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait Lookups {
    /// Whether the store can record lookups yet.
    fn are_kept(&mut self) -> Result<bool, StoreError>;

    /// Records incomplete data that is not recorded yet, and deletes resolved entries.
    fn note(&mut self) -> Result<(), StoreError>;

    /// Records that a campaign waits for the district of its chosen position, if the position is
    /// not verified yet.
    fn note_choice(
        &mut self,
        campaign: CampaignId,
        position: &BallotReadyId,
    ) -> Result<(), StoreError>;

    /// Deletes the record that a campaign waits for its position's district, if the campaign is
    /// about to get another position.
    fn forget_former_choice(
        &mut self,
        campaign: CampaignId,
        position: &PositionId,
    ) -> Result<(), StoreError>;

    /// Claims the longest waiting subject; nobody else gets it before the lease expires. `None`:
    /// nothing is due.
    fn claim(&mut self, lease: Duration) -> Result<Option<Subject>, StoreError>;

    /// Claims this subject, due or not; `false` if it is no longer open.
    fn claim_this(&mut self, subject: &Subject, lease: Duration) -> Result<bool, StoreError>;

    /// Whether the district of a position may still become known: its facts are unverified, or they
    /// lack a district and election-api will be asked once more.
    fn is_district_awaited(&mut self, position: &BallotReadyId) -> Result<bool, StoreError>;

    /// Stores the id of a district wherever it is missing.
    fn identify(
        &mut self,
        state: &str,
        district: &District,
        id: &DistrictId,
    ) -> Result<(), StoreError>;

    /// Deletes a resolved subject.
    fn finish(&mut self, subject: &Subject) -> Result<(), StoreError>;

    /// Reschedules a subject.
    fn postpone(&mut self, subject: &Subject, miss: LookupMiss) -> Result<(), StoreError>;

    /// Open lookups, by kind.
    fn depth(&mut self) -> Result<Vec<OpenLookups>, StoreError>;
}
