//! What election-api knows about the districts of a state, for the public district picker (legacy contract
//! §3.5), and about positions, for the office picker of users.

pub(crate) mod get_districts_names;
pub(crate) mod get_districts_types;
pub(crate) mod get_positions;

use winserve_domain::positions::{DistrictScope, ElectionUnavailable};

use crate::{openapi::refuses, parameters::Reader};

/// The scope of both lists. The year is always required, but matters only for the turnout.
fn read_scope(query: &mut Reader) -> DistrictScope {
    let state = query.required_state("state");
    let election_year = query.required_integer("electionYear");
    let exclude_invalid = query.unless_denied("excludeInvalid");
    let election_year = exclude_invalid.then_some(election_year);
    DistrictScope { state, election_year, exclude_invalid }
}

refuses!(ElectionUnavailable: UpstreamFailed, UpstreamTimeout);
