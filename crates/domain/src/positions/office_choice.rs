//! The chosen office: a BallotReady office, or one that the user describes.

use crate::positions::{BallotLevel, BallotPosition, BallotReadyId, PositionId};

/// The office named for a new campaign or elected office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfficeChoice {
    /// A BallotReady office, with the client's data, which applies only until election-api answers
    /// (design D6).
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
    /// A typed-in office.
    Custom(CustomOffice),
}

/// A typed-in office, as written by its holder.
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

/// Changes of a typed-in office: `None` keeps a value, an inner `None` clears it.
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
    /// The custom position after the change.
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

    /// The chosen position; a typed-in one belongs to its holder only, whose key is `own`.
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
