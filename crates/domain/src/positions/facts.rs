//! What is known about a position, and its source.

use crate::positions::{
    BallotLevel, BallotPosition, BallotReadyId, District, DistrictId, PositionId,
};

/// A district as named by a position. Its state is the position's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PositionDistrict {
    /// Its id.
    pub id: DistrictId,
    /// Type and name, as election-api writes them.
    pub district: District,
}

/// election-api's data about a position (upstreams §3.1). Every member except the id may be absent,
/// temporarily or permanently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionFacts {
    /// The requested id.
    pub id: BallotReadyId,
    /// Name of the office, such as `Tecumseh City Mayor`.
    pub name: Option<String>,
    /// State code, upper case.
    pub state: Option<String>,
    /// Level; `None` for old rows and unknown levels.
    pub level: Option<BallotLevel>,
    /// Its district; `None` for a position without one.
    pub district: Option<PositionDistrict>,
    /// Whether the answer names a district incompletely: without its id, type or name.
    pub is_district_partial: bool,
    /// Expected turnout; `None` if not requested or not computed.
    pub projected_turnout: Option<i64>,
}

impl PositionFacts {
    /// Whether it has a name and a state, as every position must.
    #[must_use]
    pub const fn names_office(&self) -> bool {
        self.name.is_some() && self.state.is_some()
    }

    /// Whether the answer is complete: it has the office name, and the whole district. Missing
    /// parts stay unconfirmed.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.names_office() && !self.is_district_partial
    }
}

/// A shared position as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPosition {
    /// The position.
    pub position: BallotPosition,
    /// Whether election-api confirmed its facts; otherwise they come from users (design D6).
    pub is_verified: bool,
}

/// What is known about a picked position, looked up before the transaction (design D6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// election-api knows it.
    Verified(Box<PositionFacts>),
    /// election-api does not know it, did not answer, or was not asked: the caller's data applies.
    Unverified,
}

impl Facts {
    /// What is known about this position.
    #[must_use]
    pub fn of(&self, id: &PositionId) -> Option<&PositionFacts> {
        match (self, id) {
            (Self::Verified(facts), PositionId::BallotReady(id)) if facts.id == *id => Some(facts),
            _ => None,
        }
    }

    /// Whether election-api confirmed this position.
    #[must_use]
    pub fn settle(&self, id: &PositionId) -> bool {
        self.of(id).is_some_and(PositionFacts::is_complete)
    }
}
