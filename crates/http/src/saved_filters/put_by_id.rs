//! `PUT /v1/voters/voter-file/filter/:id`.

use actix_web::web::{Data, Json};
use winserve_domain::saved_filters::{self, SavedFilterError};

use super::{Body, SavedFilterAnswer, content, id_of};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    body::JsonBody,
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
    parameters::PathText,
};

/// Changes the given members of a saved filter.
#[utoipa::path(
    put,
    path = "/v1/voters/voter-file/filter/{id}",
    tag = "Saved filters",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader, ("id" = i32, Path, description = "The filter")),
    request_body = Body,
    responses(
        (status = 200, description = "The filter as changed", body = SavedFilterAnswer),
        Errors<(RequireLogin, UseOrganization, PathText, JsonBody, SavedFilterError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
    PathText(id): PathText,
    JsonBody(body): JsonBody,
) -> Result<Json<SavedFilterAnswer>, ApiError> {
    let (id, content) = (id_of(&id)?, content(&active, body)?);
    let filter = saved_filters::update(&state.ports, active, id, content).await?;
    Ok(Json(filter.into()))
}
