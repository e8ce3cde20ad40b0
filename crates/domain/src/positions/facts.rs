//! What is known of a position, and who says so.

use crate::positions::{
    BallotLevel, BallotPosition, BallotReadyId, District, DistrictId, PositionId,
};

/// A district as a position names it. Its state is the position's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PositionDistrict {
    /// Its id.
    pub id: DistrictId,
    /// Type and name, as election-api writes them.
    pub district: District,
}

/// What election-api says of a position (upstreams §3.1). Any member but the id may be absent, today
/// or for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionFacts {
    /// The id that was asked for.
    pub id: BallotReadyId,
    /// Name of the office, such as `Tecumseh City Mayor`.
    pub name: Option<String>,
    /// State code, upper case.
    pub state: Option<String>,
    /// Level; `None` for old rows and for levels we do not know.
    pub level: Option<BallotLevel>,
    /// Its voters; `None` for a position without district.
    pub district: Option<PositionDistrict>,
    /// Whether there is a district that the answer names only in part: without its id, type or name.
    pub is_district_partial: bool,
    /// Voters expected to take part; `None` when not asked for or not computed.
    pub projected_turnout: Option<i64>,
}

impl PositionFacts {
    /// Whether name and state are there, which every position has.
    #[must_use]
    pub const fn names_office(&self) -> bool {
        self.name.is_some() && self.state.is_some()
    }

    /// Whether the answer settles what the position is: it names the office, and its district in full.
    /// What is missing of that stays somebody's word until it is stated.
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
    /// Whether election-api states its facts; else somebody's word counts (design D6).
    pub is_verified: bool,
}

/// What is known of a position that somebody picks, asked before the transaction (design D6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// election-api knows it.
    Verified(Box<PositionFacts>),
    /// election-api does not know it, gave no answer, or was not asked: the caller's word counts.
    Unverified,
}

impl Facts {
    /// What is known of this very position.
    #[must_use]
    pub fn of(&self, id: &PositionId) -> Option<&PositionFacts> {
        match (self, id) {
            (Self::Verified(facts), PositionId::BallotReady(id)) if facts.id == *id => Some(facts),
            _ => None,
        }
    }

    /// Whether election-api states what this very position is.
    #[must_use]
    pub fn settle(&self, id: &PositionId) -> bool {
        self.of(id).is_some_and(PositionFacts::is_complete)
    }
}
