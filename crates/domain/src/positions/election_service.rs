//! Port to election-api, which knows positions, districts and expected turnout.
//!
//! It is called before a transaction, never inside one (design D6, D10), and never to show stored
//! data (design D11).

use chrono::NaiveDate;

use crate::{
    base::{BoxError, BoxFuture},
    positions::{BallotReadyId, District, DistrictId, KnownDistrict, PositionFacts, spellings},
};

/// A position search, with election dates. It needs `zip` or `name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionSearch {
    /// A postal code of five digits that the position's voters live in.
    pub zip: Option<String>,
    /// Part of the position's name, ignoring case.
    pub name: Option<String>,
    /// Levels to include; empty includes all.
    pub levels: Vec<OfficeLevel>,
    /// The first election day to include.
    pub from: NaiveDate,
    /// The last election day to include.
    pub to: NaiveDate,
    /// Today, which some versions of election-api use to tell past elections from future ones.
    pub today: NaiveDate,
}

/// The levels that election-api's search knows (upstreams §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfficeLevel {
    /// A city's office.
    City,
    /// A county's office.
    County,
    /// An office of the United States.
    Federal,
    /// A judge's office.
    Judicial,
    /// An office of a district that is smaller than a city or crosses cities.
    Local,
    /// An office of several counties.
    Regional,
    /// A state's office.
    State,
    /// A township's office.
    Township,
}

impl OfficeLevel {
    /// Level groups in pickers.
    pub const GROUPS: [&str; 5] = ["LOCAL", "COUNTY", "STATE", "FEDERAL", "JUDICIAL"];

    /// The level in election-api's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::City => "City",
            Self::County => "County",
            Self::Federal => "Federal",
            Self::Judicial => "Judicial",
            Self::Local => "Local",
            Self::Regional => "Regional",
            Self::State => "State",
            Self::Township => "Township",
        }
    }

    /// The levels of one of the picker's [`GROUPS`](Self::GROUPS): `LOCAL` includes cities and
    /// townships, and `COUNTY` regions.
    #[must_use]
    pub fn of_group(group: &str) -> &'static [Self] {
        match group {
            "LOCAL" => &[Self::Local, Self::City, Self::Township],
            "COUNTY" => &[Self::County, Self::Regional],
            "STATE" => &[Self::State],
            "FEDERAL" => &[Self::Federal],
            "JUDICIAL" => &[Self::Judicial],
            _ => &[],
        }
    }
}

/// A found position with one of its elections. Whatever election-api omits is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPosition {
    /// BallotReady's id, for picking it.
    pub id: BallotReadyId,
    /// Name of the office.
    pub name: Option<String>,
    /// Level, as election-api shows it.
    pub level: Option<String>,
    /// State code, upper case.
    pub state: Option<String>,
    /// When the election is.
    pub election_day: Option<NaiveDate>,
    /// The city, for city offices.
    pub city: Option<String>,
    /// The district, such as `Ward 2`.
    pub district: Option<String>,
}

/// An entry of a district picker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistrictOption {
    /// In a list of names the district's id; in a list of types the id of an arbitrary district of
    /// that type, which MUST NOT be stored.
    pub id: DistrictId,
    /// The name, or the type.
    pub text: String,
}

/// Why election-api has no answer. Its own messages are only in the source, for logs: they contain
/// column and filter names, and MUST NOT reach a client.
#[derive(Debug, thiserror::Error)]
pub enum ElectionUnavailable {
    /// `election_api.url` is not set.
    #[error("election-api is not configured")]
    NotConfigured,
    /// The configured election-api has no such route.
    #[error("the configured election-api does not support: {what}")]
    NotOffered {
        /// The unsupported request.
        what: &'static str,
    },
    /// No answer in time.
    #[error("election-api did not answer in time")]
    TimedOut(#[source] BoxError),
    /// It could not be reached, or its answer violates the contract.
    #[error("election-api gave no usable answer")]
    Failed {
        /// The HTTP status, if there was one.
        status: Option<u16>,
        /// What happened.
        source: BoxError,
    },
}

impl ElectionUnavailable {
    /// The HTTP status of the answer, if there was one; for logs.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Failed { status, .. } => *status,
            Self::NotConfigured | Self::NotOffered { .. } | Self::TimedOut(_) => None,
        }
    }
}

/// A pending answer.
pub type ElectionFuture<'a, T> = BoxFuture<'a, Result<T, ElectionUnavailable>>;

/// Asks election-api. Every method fails with [`ElectionUnavailable`]; unknown items are `None` or
/// an empty list, not an error.
pub trait ElectionService: Send + Sync {
    /// A position with its district. MUST answer within 2 s (design D6).
    fn position<'a>(&'a self, id: &'a BallotReadyId) -> ElectionFuture<'a, Option<PositionFacts>>;

    /// A position with its district and the expected turnout in the election of that day.
    fn position_with_turnout<'a>(
        &'a self,
        id: &'a BallotReadyId,
        election_date: NaiveDate,
    ) -> ElectionFuture<'a, Option<PositionFacts>>;

    /// A district by its id.
    fn district<'a>(&'a self, id: &'a DistrictId) -> ElectionFuture<'a, Option<KnownDistrict>>;

    /// The district with exactly this type and name in a state; clean the name first
    /// ([`clean_name`](crate::positions::clean_name)). The state is case-insensitive.
    fn find_district<'a>(
        &'a self,
        state: &'a str,
        district: &'a District,
    ) -> ElectionFuture<'a, Option<KnownDistrict>>;

    /// The district types of a state, ascending. `exclude_invalid` omits districts without turnout
    /// in that year.
    fn district_types<'a>(
        &'a self,
        state: &'a str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> ElectionFuture<'a, Vec<DistrictOption>>;

    /// The districts of a type in a state, ascending by name.
    fn district_names<'a>(
        &'a self,
        state: &'a str,
        kind: &'a str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> ElectionFuture<'a, Vec<DistrictOption>>;

    /// Expected turnout of a district in the election of that day.
    fn projected_turnout<'a>(
        &'a self,
        state: &'a str,
        district: &'a District,
        election_date: NaiveDate,
    ) -> ElectionFuture<'a, Option<i64>>;

    /// Positions with their elections, by election day and name. A position without an election day
    /// matches every range.
    fn search_positions<'a>(
        &'a self,
        search: &'a PositionSearch,
    ) -> ElectionFuture<'a, Vec<FoundPosition>>;
}

/// The district with this type and name in a state, under the first of the spellings of upstreams §4.3 that
/// election-api knows.
///
/// # Errors
/// [`ElectionUnavailable`].
pub async fn find_by_spelling(
    service: &dyn ElectionService,
    state: &str,
    district: &District,
) -> Result<Option<KnownDistrict>, ElectionUnavailable> {
    for name in spellings(&district.name) {
        let spelt = District { kind: district.kind.clone(), name };
        if let Some(known) = service.find_district(state, &spelt).await? {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// Used if election-api is not configured: always [`ElectionUnavailable::NotConfigured`].
#[derive(Debug, Clone, Copy, Default)]
pub struct NoElectionService;

fn not_configured<T: Send + 'static>() -> ElectionFuture<'static, T> {
    Box::pin(std::future::ready(Err(ElectionUnavailable::NotConfigured)))
}

impl ElectionService for NoElectionService {
    fn position<'a>(&'a self, _: &'a BallotReadyId) -> ElectionFuture<'a, Option<PositionFacts>> {
        not_configured()
    }

    fn position_with_turnout<'a>(
        &'a self,
        _: &'a BallotReadyId,
        _: NaiveDate,
    ) -> ElectionFuture<'a, Option<PositionFacts>> {
        not_configured()
    }

    fn district<'a>(&'a self, _: &'a DistrictId) -> ElectionFuture<'a, Option<KnownDistrict>> {
        not_configured()
    }

    fn find_district<'a>(
        &'a self,
        _: &'a str,
        _: &'a District,
    ) -> ElectionFuture<'a, Option<KnownDistrict>> {
        not_configured()
    }

    fn district_types<'a>(
        &'a self,
        _: &'a str,
        _: Option<i32>,
        _: bool,
    ) -> ElectionFuture<'a, Vec<DistrictOption>> {
        not_configured()
    }

    fn district_names<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: Option<i32>,
        _: bool,
    ) -> ElectionFuture<'a, Vec<DistrictOption>> {
        not_configured()
    }

    fn projected_turnout<'a>(
        &'a self,
        _: &'a str,
        _: &'a District,
        _: NaiveDate,
    ) -> ElectionFuture<'a, Option<i64>> {
        not_configured()
    }

    fn search_positions<'a>(
        &'a self,
        _: &'a PositionSearch,
    ) -> ElectionFuture<'a, Vec<FoundPosition>> {
        not_configured()
    }
}

#[cfg(test)]
mod tests {
    use super::DistrictId;

    #[test]
    fn only_uuids_are_district_ids() {
        let id = DistrictId::parse("01935A5C-0000-4000-8000-00000000000B").unwrap();
        assert_eq!(id.as_str(), "01935a5c-0000-4000-8000-00000000000b");
        for text in [
            "",
            "17",
            "01935a5c-0000-4000-8000-00000000000",
            "01935a5c-0000-4000-8000-00000000000g",
            "01935a5c-00004000--8000-00000000000b",
            " 01935a5c-0000-4000-8000-00000000000b",
            "{01935a5c-0000-4000-8000-00000000000b}",
            "01935a5c-0000-4000-8000-00000000000b-",
        ] {
            assert_eq!(DistrictId::parse(text), None, "{text:?}");
        }
    }
}
