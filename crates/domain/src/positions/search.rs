//! Search for positions and districts in election-api, for pickers.

use crate::{
    Ports,
    positions::{DistrictOption, ElectionUnavailable, FoundPosition, PositionSearch},
};

/// Positions with their elections, by election day and name.
///
/// # Errors
/// [`ElectionUnavailable`].
pub async fn search(
    ports: &Ports,
    search: &PositionSearch,
) -> Result<Vec<FoundPosition>, ElectionUnavailable> {
    ports.election.search_positions(search).await
}

/// Which districts of a state are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistrictScope {
    /// The state's code, in capitals.
    pub state: String,
    /// The election year for the turnout.
    pub election_year: Option<i32>,
    /// Omits districts without turnout in that year.
    pub exclude_invalid: bool,
}

/// The district types of a state, ascending.
///
/// # Errors
/// [`ElectionUnavailable`].
pub async fn district_types(
    ports: &Ports,
    scope: &DistrictScope,
) -> Result<Vec<DistrictOption>, ElectionUnavailable> {
    let DistrictScope { state, election_year, exclude_invalid } = scope;
    ports.election.district_types(state, *election_year, *exclude_invalid).await
}

/// The districts of a type in a state, ascending by name.
///
/// # Errors
/// [`ElectionUnavailable`].
pub async fn district_names(
    ports: &Ports,
    scope: &DistrictScope,
    district_type: &str,
) -> Result<Vec<DistrictOption>, ElectionUnavailable> {
    let DistrictScope { state, election_year, exclude_invalid } = scope;
    ports.election.district_names(state, district_type, *election_year, *exclude_invalid).await
}
