//! [`ElectionApi`] as the port of the domain.

use chrono::NaiveDate;
use winserve_domain::{
    district::District,
    election::{Asked, DistrictId, DistrictOption, ElectionService, KnownDistrict, PositionFacts},
    position::BallotReadyId,
};

use super::ElectionApi;

impl ElectionService for ElectionApi {
    fn position<'a>(&'a self, id: &'a BallotReadyId) -> Asked<'a, Option<PositionFacts>> {
        Box::pin(async move { Ok(self.known_position(id).await?) })
    }

    fn position_with_turnout<'a>(
        &'a self,
        id: &'a BallotReadyId,
        election_date: NaiveDate,
    ) -> Asked<'a, Option<PositionFacts>> {
        Box::pin(async move { Ok(self.position_on(id, election_date).await?) })
    }

    fn district<'a>(&'a self, id: &'a DistrictId) -> Asked<'a, Option<KnownDistrict>> {
        Box::pin(async move { Ok(self.known_district(id).await?) })
    }

    fn find_district<'a>(
        &'a self,
        state: &'a str,
        district: &'a District,
    ) -> Asked<'a, Option<KnownDistrict>> {
        Box::pin(async move { Ok(self.named_district(state, district).await?) })
    }

    fn district_types<'a>(
        &'a self,
        state: &'a str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Asked<'a, Vec<DistrictOption>> {
        Box::pin(async move { Ok(self.types_of(state, election_year, exclude_invalid).await?) })
    }

    fn district_names<'a>(
        &'a self,
        state: &'a str,
        kind: &'a str,
        election_year: Option<i32>,
        exclude_invalid: bool,
    ) -> Asked<'a, Vec<DistrictOption>> {
        Box::pin(
            async move { Ok(self.names_of(state, kind, election_year, exclude_invalid).await?) },
        )
    }

    fn projected_turnout<'a>(
        &'a self,
        state: &'a str,
        district: &'a District,
        election_date: NaiveDate,
    ) -> Asked<'a, Option<i64>> {
        Box::pin(async move { Ok(self.turnout_of(state, district, election_date).await?) })
    }
}
