//! BallotReady and custom positions, and a holder's link to one.

use crate::positions::{
    BallotLevel, District, DistrictId, PositionDistrict, PositionFacts, PositionId, clean_name,
};

/// What is known about a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotPosition {
    /// Its key.
    pub id: PositionId,
    /// Name of the office; `None` if nothing was ever chosen or typed in.
    pub office: Option<String>,
    /// BallotReady's level.
    pub ballot_level: Option<BallotLevel>,
    /// The old election level (`state`, `county`, `federal`, `city`), lower case.
    pub level: Option<String>,
    /// State code in upper case; a text that is not two letters is kept unchanged.
    pub state: Option<String>,
    /// Custom positions only: user text.
    pub county: Option<String>,
    /// Custom positions only: user text.
    pub city: Option<String>,
    /// Custom positions only: user text, such as `2`.
    pub district: Option<String>,
    /// Custom positions only.
    pub zip: Option<String>,
    /// The voters of the position.
    pub l2_district: Option<LinkedDistrict>,
}

impl BallotPosition {
    /// Whether the position is in a different state than previously stated. The holder may not be
    /// allowed to keep a district chosen there.
    #[must_use]
    pub fn has_left(&self, former_state: Option<&str>) -> bool {
        former_state.is_some() && self.state.as_deref() != former_state
    }

    /// A position with only its key known.
    #[must_use]
    pub fn unknown(id: PositionId) -> Self {
        Self {
            id,
            office: None,
            ballot_level: None,
            level: None,
            state: None,
            county: None,
            city: None,
            district: None,
            zip: None,
            l2_district: None,
        }
    }

    /// The position as taken over by another holder: a shared one stays shared, a custom one is
    /// copied under the holder's `own` id.
    #[must_use]
    pub fn taken_over_as(self, own: PositionId) -> Self {
        match self.id {
            PositionId::BallotReady(_) => self,
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
                Self { id: own, ..self }
            }
        }
    }

    /// Whether an office was chosen: a BallotReady one or a typed-in one.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        matches!(self.id, PositionId::BallotReady(_)) || self.office.is_some()
    }

    /// The position with election-api's facts in place of a user's. A level that election-api omits
    /// becomes unknown, because access depends on it. Only an answer that is not
    /// [complete](PositionFacts::is_complete) keeps the user's values for what it omits.
    #[must_use]
    pub fn verified_by(self, facts: &PositionFacts) -> Self {
        let stated = Self {
            office: facts.name.clone(),
            state: facts.state.clone(),
            ballot_level: facts.level,
            level: None,
            l2_district: facts.district.as_ref().map(LinkedDistrict::from),
            ..self.clone()
        };
        if facts.is_complete() { stated } else { stated.completed_by(&self) }
    }

    /// Whether a later answer of election-api may complete a settled position: some positions have
    /// no district or level, and some answers omit them.
    #[must_use]
    pub const fn may_be_completed(&self) -> bool {
        self.l2_district.is_none() || self.ballot_level.is_none()
    }

    /// A shared position, with missing parts filled in from other data about it.
    #[must_use]
    pub fn completed_by(self, other: &Self) -> Self {
        let level = if self.ballot_level.is_some() { None } else { other.level.clone() };
        Self {
            office: self.office.or_else(|| other.office.clone()),
            state: self.state.or_else(|| other.state.clone()),
            ballot_level: self.ballot_level.or(other.ballot_level),
            level: self.level.or(level),
            l2_district: self.l2_district.or_else(|| other.l2_district.clone()),
            ..self
        }
    }
}

/// A district as named by a position or a holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedDistrict {
    /// election-api's id, once known; a district unknown to it keeps its text.
    pub id: Option<DistrictId>,
    /// Type and name.
    pub district: District,
}

impl From<&PositionDistrict> for LinkedDistrict {
    fn from(stated: &PositionDistrict) -> Self {
        let PositionDistrict { id, district: District { kind, name } } = stated;
        let name = clean_name(name).to_owned();
        Self { id: Some(id.clone()), district: District { kind: kind.clone(), name } }
    }
}

/// Links a holder (a campaign or an office) to its position and voters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionLink {
    /// The position.
    pub position: BallotPosition,
    /// The holder's own district, which takes precedence over the position's.
    pub district_override: Option<LinkedDistrict>,
    /// Whether a person chose the district by hand.
    pub district_manually_set: bool,
}

impl PositionLink {
    /// Links a holder to a position with its own district, if any: a district chosen by hand is
    /// always an override, others only if they differ from the position's (design D3).
    #[must_use]
    pub fn new(
        position: BallotPosition,
        own_district: Option<LinkedDistrict>,
        district_manually_set: bool,
    ) -> Self {
        let inherited = position.l2_district.as_ref().map(|inherited| &inherited.district);
        let district_override =
            own_district.filter(|own| district_manually_set || Some(&own.district) != inherited);
        Self { position, district_override, district_manually_set }
    }

    /// Whether this link from the tables matches the campaign's JSON. The tables may have other
    /// facts of a shared position, and a district missing in the JSON is inherited from it.
    #[must_use]
    pub fn agrees_with(&self, json: &Self) -> bool {
        let is_same_district = match json.own_district() {
            Some(own) => self.effective_district().is_some_and(|it| it.district == *own),
            None => self.district_override.is_none(),
        };
        let BallotPosition { zip, l2_district, .. } = self.position.clone();
        let json_position = BallotPosition { zip, l2_district, ..json.position.clone() };
        let is_same_position = match &self.position.id {
            PositionId::BallotReady(_) => self.position.id == json_position.id,
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
                self.position == json_position
            }
        };
        is_same_position
            && is_same_district
            && self.district_manually_set == json.district_manually_set
    }

    /// Whether the holder already has a district. `is_elsewhere` means that it is outside the
    /// position's state: districts of different states may have the same type and name, so it is
    /// then compared by id.
    #[must_use]
    pub fn has_district(&self, wanted: &LinkedDistrict, is_elsewhere: bool) -> bool {
        self.effective_district().is_some_and(|held| match &held.id {
            Some(_) if is_elsewhere => held.id == wanted.id,
            _ => !is_elsewhere && held.district == wanted.district,
        })
    }

    /// A district that the holder has and keeps, with the id under which the holder has it, unless
    /// it comes with one.
    #[must_use]
    pub(crate) fn with_held_id(&self, district: LinkedDistrict) -> LinkedDistrict {
        let held = self.effective_district().filter(|held| held.district == district.district);
        let id = district.id.or_else(|| held.and_then(|held| held.id.clone()));
        LinkedDistrict { id, ..district }
    }

    /// The holder's own district, whether its id is known or not.
    #[must_use]
    pub fn own_district(&self) -> Option<&District> {
        self.district_override.as_ref().map(|own| &own.district)
    }

    /// The district of the holder's voters: the override, otherwise the position's.
    #[must_use]
    pub fn effective_district(&self) -> Option<&LinkedDistrict> {
        self.district_override.as_ref().or(self.position.l2_district.as_ref())
    }
}
