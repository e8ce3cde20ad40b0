//! What election-api knows of the districts of a state, for the district picker (legacy contract
//! §3.5), for anybody; and of positions, for the office picker of users.

pub(crate) mod get_districts_names;
pub(crate) mod get_districts_types;
pub(crate) mod get_positions;

use winserve_domain::positions::{DistrictScope, ElectionUnavailable};

use crate::{openapi::refuses, parameters::Reader};

/// What both lists are narrowed to. The year must be there in any case, but matters only where turnout does.
fn read_scope(query: &mut Reader) -> DistrictScope {
    let state = query.required_state("state");
    let election_year = query.required_integer("electionYear");
    let exclude_invalid = query.unless_denied("excludeInvalid");
    let election_year = exclude_invalid.then_some(election_year);
    DistrictScope { state, election_year, exclude_invalid }
}

refuses!(ElectionUnavailable: UpstreamFailed, UpstreamTimeout);
