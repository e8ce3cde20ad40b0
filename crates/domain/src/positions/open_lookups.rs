//! What election-api has yet to be asked about.
//!
//! While election-api is away, or cannot answer about one thing, positions are stored with somebody's word
//! for facts, and districts without their id. Each of them is noted, and asked about again until it is
//! known (design D6).

use std::time::Duration;

use crate::{
    base::{CampaignId, StoreError},
    positions::{BallotReadyId, District, DistrictId, PositionId},
};

/// Something that is stored half known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A shared position whose facts nobody verified, or whose verified facts lack a district or a level:
    /// about these election-api is asked once more, within a day.
    Position(BallotReadyId),
    /// A district whose id nobody looked up.
    District {
        /// State code, upper case.
        state: String,
        /// Type and clean name.
        district: District,
    },
    /// A campaign that chose its position through us while the district of that was not known: its JSON names none. It
    /// waits for the position, and nothing is asked about it.
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

/// How a question ended that leaves its subject open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// election-api does not know it, or not enough of it.
    Unknown,
    /// election-api gave no answer.
    Unanswered,
}

impl Silence {
    /// Its name, for metrics and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unanswered => "unanswered",
        }
    }

    /// The wait after the first such end, which doubles with each, and the longest one. What election-api
    /// does not know today it may know one day; an outage ends sooner.
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
pub struct OpenLookUps {
    /// [`Subject::kind`], or `verified-position` for a position that is asked about once more.
    pub kind: String,
    /// How many.
    pub open: i64,
    /// Of these, those that election-api gave no answer about when it was asked last.
    pub unanswered: i64,
    /// Age of the oldest, in seconds. Of campaigns only those count that wait for an answer which
    /// election-api may have: their position is neither unknown to it nor verified without a district.
    pub oldest_seconds: i64,
}

/// What is open, in the store; only where [`Feature::Organizations`](crate::database::Feature::Organizations).
pub trait LookUps {
    /// Whether the store can note anything yet.
    ///
    /// # Errors
    /// [`StoreError`].
    fn are_kept(&mut self) -> Result<bool, StoreError>;

    /// Notes what is half known and has not been noted, and forgets what is known by now.
    ///
    /// # Errors
    /// [`StoreError`].
    fn note(&mut self) -> Result<(), StoreError>;

    /// Notes that a campaign waits for the district of a position that it has chosen, if nobody has verified
    /// the position yet.
    ///
    /// # Errors
    /// [`StoreError`].
    fn note_choice(
        &mut self,
        campaign: CampaignId,
        position: &BallotReadyId,
    ) -> Result<(), StoreError>;

    /// Forgets that a campaign waits for the district of its position, if it is about to get another one than
    /// this.
    ///
    /// # Errors
    /// [`StoreError`].
    fn forget_former_choice(
        &mut self,
        campaign: CampaignId,
        position: &PositionId,
    ) -> Result<(), StoreError>;

    /// Claims the subject that has waited longest; nobody else gets it before the lease ends. `None`:
    /// nothing is due.
    ///
    /// # Errors
    /// [`StoreError`].
    fn claim(&mut self, lease: Duration) -> Result<Option<Subject>, StoreError>;

    /// Claims this subject, due or not; `false` if it is not open any more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn claim_this(&mut self, subject: &Subject, lease: Duration) -> Result<bool, StoreError>;

    /// Whether the district of a position may yet become known: nobody verified its facts, or they lack a
    /// district and election-api has yet to be asked once more.
    ///
    /// # Errors
    /// [`StoreError`].
    fn is_district_awaited(&mut self, position: &BallotReadyId) -> Result<bool, StoreError>;

    /// Notes the id of a district wherever it is missing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn identify(
        &mut self,
        state: &str,
        district: &District,
        id: &DistrictId,
    ) -> Result<(), StoreError>;

    /// Forgets a subject that is known by now.
    ///
    /// # Errors
    /// [`StoreError`].
    fn finish(&mut self, subject: &Subject) -> Result<(), StoreError>;

    /// Leaves a subject for another time.
    ///
    /// # Errors
    /// [`StoreError`].
    fn postpone(&mut self, subject: &Subject, silence: Silence) -> Result<(), StoreError>;

    /// What is open, by kind.
    ///
    /// # Errors
    /// [`StoreError`].
    fn depth(&mut self) -> Result<Vec<OpenLookUps>, StoreError>;
}
