//! Positions on a ballot, their districts and voters, and the port to election-api.

mod district;
pub(crate) mod election_lookup;
mod election_service;
mod electorate;
mod facts;
pub(crate) mod lookup_retrier;
mod office_choice;
mod open_lookups;
mod position;
mod position_id;
mod repository;
mod search;

pub use district::{District, DistrictId, KnownDistrict, clean_name, spellings};
pub use election_service::{
    DistrictOption, ElectionFuture, ElectionService, ElectionUnavailable, FoundPosition,
    NoElectionService, OfficeLevel, PositionSearch, find_by_spelling,
};
pub use electorate::{DistrictOfHolder, Electorate, ElectorateError, FoundDistrict, VoterArea};
pub use facts::{Facts, KnownPosition, PositionDistrict, PositionFacts};
pub use lookup_retrier::{LookupOutcome, LookupRetrier};
pub use office_choice::{CustomOffice, CustomOfficeChange, OfficeChoice};
pub use open_lookups::{LookupMiss, Lookups, OpenLookups, Subject};
pub use position::{BallotPosition, LinkedDistrict, PositionLink};
pub use position_id::{BallotLevel, BallotReadyId, PositionId};
pub use repository::{Electorates, PositionLinks};
pub use search::{DistrictScope, district_names, district_types, search};
