//! `GET /v1/contacts/stats`.

use actix_web::web::{Data, Json};
use winserve_domain::{
    contacts::{ContactsError, Statistics},
    organizations::ActiveOrganization,
    positions::Electorate,
    saved_filters::Segment,
};

use super::{answers::StatisticsAnswer, area, ask_before};
use crate::{
    AppState,
    auth::{Authenticated, UseOrganization},
    error::{ApiError, ErrorCode},
    openapi::{Errors, OrganizationHeader},
};

/// Returns statistics about the voters of the organization's district, which must be smaller than the state.
#[utoipa::path(
    get,
    path = "/v1/contacts/stats",
    tag = "Contacts",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "The counts", body = StatisticsAnswer),
        Errors<(Authenticated, UseOrganization, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Authenticated,
    UseOrganization(active): UseOrganization,
) -> Result<Json<StatisticsAnswer>, ApiError> {
    let asked = ask_before(&state, &active, Segment::All).await?;
    let statistics = statistics(&state, Some(&active), &asked.electorate).await?;
    Ok(Json(statistics.into()))
}

/// Counts of the voters of an electorate. The id of its district, if it has to be looked up, is
/// remembered for the organization whose electorate it is.
pub(crate) async fn statistics(
    state: &AppState,
    of: Option<&ActiveOrganization>,
    electorate: &Electorate,
) -> Result<Statistics, ApiError> {
    let whole_state = || {
        let message = "Could not resolve state, district type, and district name";
        ApiError::client(ErrorCode::DistrictUnresolved, message)
    };
    let district = area::part_of_state(state, of, electorate).await?;
    let district = district.ok_or_else(whole_state)?;
    let failed = |error| ApiError::upstream("Failed to fetch stats from people API", error);
    let statistics = state.people.statistics(&district).await.map_err(failed)?;
    let none = || ApiError::client(ErrorCode::NoStatistics, "Statistics are not computed yet");
    statistics.ok_or_else(none)
}
