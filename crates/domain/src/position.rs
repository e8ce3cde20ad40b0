//! Positions of BallotReady and of our own making, and a holder's link to one.

use std::fmt;

use crate::{
    district::{District, clean_name},
    election::{DistrictId, PositionDistrict, PositionFacts},
    id::{CampaignId, ElectedOfficeId},
};

/// Prefix of the ids of our own positions; BallotReady's never begin with it.
const CUSTOM_PREFIX: &str = "custom:";
/// Longest id, in bytes; BallotReady's have about fifty.
const LONGEST_ID: usize = 256;

/// Identifies a ballot position (design D2, D5).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PositionId {
    /// A position that BallotReady knows, shared by all who run for it.
    BallotReady(BallotReadyId),
    /// The position of one campaign alone: free text, none chosen yet, or malformed data.
    CustomOfCampaign(CampaignId),
    /// The position of one elected office alone, a copy of its campaign's.
    CustomOfOffice(ElectedOfficeId),
}

impl PositionId {
    /// Reads a stored key; `None` for a custom position of a holder that the program does not know.
    #[must_use]
    pub fn parse(stored: &str) -> Option<Self> {
        if let Some(campaign) = stored.strip_prefix("custom:campaign:") {
            return campaign.parse().ok().map(|id| Self::CustomOfCampaign(CampaignId(id)));
        }
        if let Some(office) = stored.strip_prefix("custom:office:") {
            return Some(Self::CustomOfOffice(ElectedOfficeId(office.to_owned())));
        }
        BallotReadyId::parse(stored).map(Self::BallotReady)
    }

    /// BallotReady's id, if BallotReady knows the position.
    #[must_use]
    pub const fn ballot_ready(&self) -> Option<&BallotReadyId> {
        match self {
            Self::BallotReady(id) => Some(id),
            Self::CustomOfCampaign(_) | Self::CustomOfOffice(_) => None,
        }
    }
}

impl fmt::Display for PositionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BallotReady(id) => formatter.write_str(id.as_str()),
            Self::CustomOfCampaign(campaign) => {
                write!(formatter, "{CUSTOM_PREFIX}campaign:{campaign}")
            }
            Self::CustomOfOffice(office) => write!(formatter, "{CUSTOM_PREFIX}office:{office}"),
        }
    }
}

/// BallotReady's id of a position, usually the base64 of `gid://ballot-factory/Position/<number>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BallotReadyId(String);

impl BallotReadyId {
    /// Takes a text as an id, without the blanks around it; `None` when nothing is left or when it
    /// begins with `custom:`, which is reserved for our own positions (design D5). Neither is a text
    /// that no key can be: too long for an index, or with control characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.trim();
        let can_be_key = !id.is_empty() && id.len() <= LONGEST_ID && !id.contains(char::is_control);
        (can_be_key && !id.starts_with(CUSTOM_PREFIX)).then(|| Self(id.to_owned()))
    }

    /// The id as BallotReady writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// BallotReady's level of a position (legacy contract §1, enums).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BallotLevel {
    /// A city's office.
    City,
    /// A county's office.
    County,
    /// An office of the United States.
    Federal,
    /// A district smaller than or crossing cities, such as a school board's.
    Local,
    /// An office of several counties.
    Regional,
    /// A state's office.
    State,
    /// A township's office.
    Township,
}

impl BallotLevel {
    /// Every level, as the old API accepts them.
    pub const ALL: [Self; 7] = [
        Self::City,
        Self::County,
        Self::Federal,
        Self::Local,
        Self::Regional,
        Self::State,
        Self::Township,
    ];

    /// Upper case, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::City => "CITY",
            Self::County => "COUNTY",
            Self::Federal => "FEDERAL",
            Self::Local => "LOCAL",
            Self::Regional => "REGIONAL",
            Self::State => "STATE",
            Self::Township => "TOWNSHIP",
        }
    }

    /// Reads a level in any case, with or without blanks around it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

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

/// An office that somebody names when a campaign or an elected office comes into being.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfficeChoice {
    /// One that BallotReady knows, with what the client says of it: its word counts only as long as
    /// election-api says nothing (design D6).
    Known {
        /// The position.
        id: BallotReadyId,
        /// Name of the office.
        office: Option<String>,
        /// BallotReady's level.
        ballot_level: Option<BallotLevel>,
        /// The old election level.
        level: Option<String>,
        /// State code.
        state: Option<String>,
    },
    /// One that was typed in.
    Custom(CustomOffice),
}

/// An office that was typed in, in its holder's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomOffice {
    /// Its name, not blank.
    pub office: String,
    /// State code.
    pub state: Option<String>,
    /// County.
    pub county: Option<String>,
    /// City.
    pub city: Option<String>,
    /// District, such as `2`.
    pub district: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// The old election level.
    pub level: Option<String>,
}

/// What changes of a typed-in office: what is absent stays, `None` within is cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomOfficeChange {
    /// Its name.
    pub office: Option<String>,
    /// State code.
    pub state: Option<Option<String>>,
    /// County.
    pub county: Option<Option<String>>,
    /// City.
    pub city: Option<Option<String>>,
    /// District, such as `2`.
    pub district: Option<Option<String>>,
    /// Postal code.
    pub zip: Option<Option<String>>,
    /// The old election level.
    pub level: Option<Option<String>>,
}

impl CustomOfficeChange {
    /// A custom position as the change leaves it.
    #[must_use]
    pub fn apply(self, base: BallotPosition) -> BallotPosition {
        BallotPosition {
            office: self.office.or(base.office),
            state: self.state.unwrap_or(base.state),
            county: self.county.unwrap_or(base.county),
            city: self.city.unwrap_or(base.city),
            district: self.district.unwrap_or(base.district),
            zip: self.zip.unwrap_or(base.zip),
            level: self.level.unwrap_or(base.level),
            ..base
        }
    }
}

impl OfficeChoice {
    /// BallotReady's id of the office, if it has one.
    #[must_use]
    pub const fn ballot_ready(&self) -> Option<&BallotReadyId> {
        match self {
            Self::Known { id, .. } => Some(id),
            Self::Custom(_) => None,
        }
    }

    /// The position chosen; a typed-in one is its holder's alone, whose key is `own`.
    #[must_use]
    pub fn position(self, own: PositionId) -> BallotPosition {
        match self {
            Self::Known { id, office, ballot_level, level, state } => BallotPosition {
                office,
                ballot_level,
                level,
                state,
                ..BallotPosition::unknown(PositionId::BallotReady(id))
            },
            Self::Custom(CustomOffice { office, state, county, city, district, zip, level }) => {
                BallotPosition {
                    office: Some(office),
                    level,
                    state,
                    county,
                    city,
                    district,
                    zip,
                    ..BallotPosition::unknown(own)
                }
            }
        }
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
