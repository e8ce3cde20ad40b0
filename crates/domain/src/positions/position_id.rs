//! Position keys, and ballot levels.

use std::fmt;

use crate::base::{CampaignId, ElectedOfficeId};

/// Prefix of the ids of custom positions; BallotReady's never begin with it.
const CUSTOM_PREFIX: &str = "custom:";
/// Maximum length of an id, in bytes; BallotReady's have about fifty.
const LONGEST_ID: usize = 256;

/// Identifies a ballot position (design D2, D5).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PositionId {
    /// A BallotReady position, shared by everyone who runs for it.
    BallotReady(BallotReadyId),
    /// The position of one campaign only: free text, not chosen yet, or malformed data.
    CustomOfCampaign(CampaignId),
    /// The position of one elected office only, a copy of its campaign's.
    CustomOfOffice(ElectedOfficeId),
}

impl PositionId {
    /// Parses a stored key; `None` for a custom position of an unknown kind of holder.
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

    /// BallotReady's id, if it is a BallotReady position.
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
    /// Parses a text as an id, without surrounding blanks; `None` if nothing is left or if it
    /// begins with `custom:`, which is reserved for custom positions (design D5). Texts that cannot
    /// be a key are rejected too: too long for an index, or with control characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = text.trim();
        let can_be_key = !id.is_empty() && id.len() <= LONGEST_ID && !id.contains(char::is_control);
        (can_be_key && !id.starts_with(CUSTOM_PREFIX)).then(|| Self(id.to_owned()))
    }

    /// The id in BallotReady's spelling.
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
    /// A district that is smaller than a city or crosses cities, such as a school board's.
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

    /// Parses a level, ignoring case and surrounding blanks.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text.trim()))
    }
}
