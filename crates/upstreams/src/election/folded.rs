//! election-api as gp-api offers it to other services, under `/v1/elections`.
//!
//! Of its routes, we know the position by election-api's own id; the other requests of the port are not among
//! the routes that were seen (races, places, persons, office holders, candidacies). Its districts include
//! their state, and members without a value are absent. When a route becomes known, add it here and remove it
//! from [`CANNOT_ANSWER`].

use chrono::NaiveDate;
use winserve_domain::positions::{
    Asked, BallotReadyId, District, DistrictId, DistrictOption, ElectionService,
    ElectionUnavailable, FoundPosition, KnownDistrict, PositionFacts, PositionSearch,
};

use super::{ONE, Service, read};
use crate::upstream::Failure;

/// What it does not offer, for the log at startup.
pub(super) const CANNOT_ANSWER: &[&str] = &[
    POSITION_BY_BALLOTREADY_ID,
    TURNOUT,
    DISTRICT_BY_ID,
    DISTRICT_BY_NAME,
    DISTRICT_LISTS,
    SEARCH,
];
const POSITION_BY_BALLOTREADY_ID: &str = "a position by BallotReady's id";
const TURNOUT: &str = "projected turnout";
const DISTRICT_BY_ID: &str = "a district by its id";
const DISTRICT_BY_NAME: &str = "a district by type and name";
const DISTRICT_LISTS: &str = "types and names of districts";
const SEARCH: &str = "the search of positions";

pub(super) struct Folded(Service);

impl Folded {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// A position whose id is a UUID, which is election-api's own id.
    async fn position_by_own_id(
        &self,
        asked: &BallotReadyId,
    ) -> Result<Option<PositionFacts>, Failure> {
        let route = "GET /v1/elections/positions/{id}";
        let path = format!("elections/positions/{}", read::segment(asked.as_str()));
        let budget = self.0.position_budget;
        let query = [("includeDistrict", "true")];
        let position: Option<read::Position> =
            self.0.ask_within(budget, route, &path, &query, ONE).await?;
        let Some(position) = position else { return Ok(None) };
        let broken = |what| Failure::Broken { route, what };
        if !position.id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(asked.as_str())) {
            return Err(broken("is about another position"));
        }
        position.into_facts(asked).map(Some).map_err(broken)
    }
}

impl ElectionService for Folded {
    fn position<'a>(&'a self, id: &'a BallotReadyId) -> Asked<'a, Option<PositionFacts>> {
        if DistrictId::parse(id.as_str()).is_none() {
            return not_offered(POSITION_BY_BALLOTREADY_ID);
        }
        Box::pin(async move { Ok(self.position_by_own_id(id).await?) })
    }

    fn position_with_turnout<'a>(
        &'a self,
        _: &'a BallotReadyId,
        _: NaiveDate,
    ) -> Asked<'a, Option<PositionFacts>> {
        not_offered(TURNOUT)
    }

    fn district<'a>(&'a self, _: &'a DistrictId) -> Asked<'a, Option<KnownDistrict>> {
        not_offered(DISTRICT_BY_ID)
    }

    fn find_district<'a>(
        &'a self,
        _: &'a str,
        _: &'a District,
    ) -> Asked<'a, Option<KnownDistrict>> {
        not_offered(DISTRICT_BY_NAME)
    }

    fn district_types<'a>(
        &'a self,
        _: &'a str,
        _: Option<i32>,
        _: bool,
    ) -> Asked<'a, Vec<DistrictOption>> {
        not_offered(DISTRICT_LISTS)
    }

    fn district_names<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: Option<i32>,
        _: bool,
    ) -> Asked<'a, Vec<DistrictOption>> {
        not_offered(DISTRICT_LISTS)
    }

    fn projected_turnout<'a>(
        &'a self,
        _: &'a str,
        _: &'a District,
        _: NaiveDate,
    ) -> Asked<'a, Option<i64>> {
        not_offered(TURNOUT)
    }

    fn search_positions<'a>(&'a self, _: &'a PositionSearch) -> Asked<'a, Vec<FoundPosition>> {
        not_offered(SEARCH)
    }
}

fn not_offered<T: Send + 'static>(what: &'static str) -> Asked<'static, T> {
    Box::pin(std::future::ready(Err(ElectionUnavailable::NotOffered { what })))
}
