//! What election-api knows of the districts of a state, for the district picker (legacy contract
//! §3.5), for anybody; and of positions, for the office picker of users.

pub(crate) mod get_districts_names;
pub(crate) mod get_districts_types;
pub(crate) mod get_positions;

use winserve_domain::positions::ElectionUnavailable;

use crate::{openapi::refuses, parameters::Reader};

/// What both lists are narrowed to.
struct Scope {
    /// Its code, in capitals.
    state: String,
    /// Of the turnout that counts.
    election_year: Option<i32>,
    /// Leave out districts without turnout.
    exclude_invalid: bool,
}

impl Scope {
    /// The year must be there in any case, but matters only where turnout does.
    fn read(query: &mut Reader) -> Self {
        let state = query.required_state("state");
        let election_year = query.required_integer("electionYear");
        let exclude_invalid = query.unless_denied("excludeInvalid");
        Self { state, election_year: exclude_invalid.then_some(election_year), exclude_invalid }
    }
}

refuses!(ElectionUnavailable: UpstreamFailed, UpstreamTimeout);
