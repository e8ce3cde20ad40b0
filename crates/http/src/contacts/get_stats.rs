//! `GET /v1/contacts/stats`.

use actix_web::web::{Data, Json};
use winserve_domain::contacts::{self, ContactsError};

use super::{answers::StatisticsAnswer, refusal};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
};

/// What clients see if people-api returns no statistics.
pub(crate) const FAILED: &str = "Failed to fetch stats from people API";

/// Returns statistics about the voters of the organization's district, which must be smaller than the state.
#[utoipa::path(
    get,
    path = "/v1/contacts/stats",
    tag = "Contacts",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "The counts", body = StatisticsAnswer),
        Errors<(RequireLogin, UseOrganization, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
) -> Result<Json<StatisticsAnswer>, ApiError> {
    let statistics = contacts::statistics(&state.ports, &active).await;
    Ok(Json(statistics.map_err(|error| refusal(error, FAILED))?.into()))
}
