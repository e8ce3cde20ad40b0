//! `GET /v1/voters/voter-file/filter/:id`.

use actix_web::web::{Data, Json};
use winserve_domain::saved_filters::{self, SavedFilterError};

use super::{SavedFilterAnswer, id_of};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
    parameters::PathText,
};

/// Returns a saved filter of the organization.
#[utoipa::path(
    get,
    path = "/v1/voters/voter-file/filter/{id}",
    tag = "Saved filters",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader, ("id" = i32, Path, description = "The filter")),
    responses(
        (status = 200, description = "The filter", body = SavedFilterAnswer),
        Errors<(RequireLogin, UseOrganization, PathText, SavedFilterError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
    PathText(id): PathText,
) -> Result<Json<SavedFilterAnswer>, ApiError> {
    let filter = saved_filters::find(&state.ports, active, id_of(&id)?).await?;
    Ok(Json(filter.into()))
}
