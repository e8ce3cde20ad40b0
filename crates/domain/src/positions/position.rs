//! Positions of BallotReady and of our own making, and a holder's link to one.

use crate::{
    base::ElectedOfficeId,
    positions::{
        BallotLevel, District, DistrictId, PositionDistrict, PositionFacts, PositionId, clean_name,
    },
};

/// What is known of a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotPosition {
    /// Its key.
    pub id: PositionId,
    /// Name of the office; `None` when nothing was ever chosen or typed.
    pub office: Option<String>,
    /// BallotReady's level.
    pub ballot_level: Option<BallotLevel>,
    /// The old election level (`state`, `county`, `federal`, `city`), lower case.
    pub level: Option<String>,
    /// State code in upper case; a text that is no two letters is kept as it is.
    pub state: Option<String>,
    /// Only of a custom position: the person's own text.
    pub county: Option<String>,
    /// Only of a custom position: the person's own text.
    pub city: Option<String>,
    /// Only of a custom position: the person's own text, such as `2`.
    pub district: Option<String>,
    /// Only of a custom position.
    pub zip: Option<String>,
    /// The voters of the position.
    pub l2_district: Option<LinkedDistrict>,
}

impl BallotPosition {
    /// Whether the position is in another state than somebody said before, if anybody did. What its
    /// holder could choose there may be out of reach now.
    #[must_use]
    pub fn has_left(&self, said: Option<&str>) -> bool {
        said.is_some() && self.state.as_deref() != said
    }

    /// A position of which nothing is known but its key.
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

    /// The position as an elected office takes it over: a shared one stays shared, of one that is
    /// the campaign's alone the office gets a copy.
    #[must_use]
    pub fn taken_over_by(self, office: &ElectedOfficeId) -> Self {
        match self.id {
            PositionId::BallotReady(_) => self,
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
                Self { id: PositionId::CustomOfOffice(office.clone()), ..self }
            }
        }
    }

    /// Whether an office was chosen: one that BallotReady knows, or one that was typed in.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        matches!(self.id, PositionId::BallotReady(_)) || self.office.is_some()
    }

    /// The position with what election-api states in place of what somebody said. A level that
    /// election-api does not know is not known: access depends on it. Only an answer that is not
    /// [complete](PositionFacts::is_complete) leaves what it does not state to who said it.
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

    /// Whether a later answer of election-api may add to a position that an earlier one settled: some
    /// positions have no district or level, and some answers leave them out.
    #[must_use]
    pub const fn may_be_completed(&self) -> bool {
        self.l2_district.is_none() || self.ballot_level.is_none()
    }

    /// The position with what it lacks of a shared one, where another account of it has that.
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

/// A district as a position or a holder names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedDistrict {
    /// election-api's id, once it is known; a district it does not know keeps its text.
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

/// What ties a holder (a campaign, later also an office) to its position and voters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionLink {
    /// The position.
    pub position: BallotPosition,
    /// The holder's own district, which wins over the position's.
    pub district_override: Option<LinkedDistrict>,
    /// Whether a person chose the district by hand.
    pub district_manually_set: bool,
}

impl PositionLink {
    /// Ties a holder to a position with the district that it names itself, if any: one chosen by
    /// hand is always an override, another only when it differs from the position's (design D3).
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

    /// Whether the tables, which say this of a campaign, say what its JSON tells. Of a shared position they may
    /// know other facts, and a district that the JSON does not name is inherited from it.
    #[must_use]
    pub fn agrees_with(&self, told: &Self) -> bool {
        let is_same_district = match told.own_district() {
            Some(own) => self.effective_district().is_some_and(|it| it.district == *own),
            None => self.district_override.is_none(),
        };
        let BallotPosition { zip, l2_district, .. } = self.position.clone();
        let told_position = BallotPosition { zip, l2_district, ..told.position.clone() };
        let is_same_position = match &self.position.id {
            PositionId::BallotReady(_) => self.position.id == told_position.id,
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
                self.position == told_position
            }
        };
        is_same_position
            && is_same_district
            && self.district_manually_set == told.district_manually_set
    }

    /// The holder's own district, whatever is known of its id.
    #[must_use]
    pub fn own_district(&self) -> Option<&District> {
        self.district_override.as_ref().map(|own| &own.district)
    }

    /// The district whose voters the holder reaches: the override, else the position's.
    #[must_use]
    pub fn effective_district(&self) -> Option<&LinkedDistrict> {
        self.district_override.as_ref().or(self.position.l2_district.as_ref())
    }
}
