//! `GET /v1/voters/voter-file/filters`.

use actix_web::web::{Data, Json};
use winserve_domain::{base::StoreError, saved_filters};

use super::SavedFilterAnswer;
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
};

/// Lists the saved filters of the organization.
#[utoipa::path(
    get,
    path = "/v1/voters/voter-file/filters",
    tag = "Saved filters",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "The filters, by id", body = Vec<SavedFilterAnswer>),
        Errors<(RequireLogin, UseOrganization, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
) -> Result<Json<Vec<SavedFilterAnswer>>, ApiError> {
    let filters = saved_filters::list(&state.ports, active).await?;
    Ok(Json(filters.into_iter().map(SavedFilterAnswer::from).collect()))
}
