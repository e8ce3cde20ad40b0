//! How positions are named, and the level of their ballot.

use std::fmt;

use crate::base::{CampaignId, ElectedOfficeId};

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
