//! `DELETE /v1/voters/voter-file/filter/:id`.

use actix_web::{HttpResponse, web::Data};
use winserve_domain::saved_filters::{self, SavedFilterError};

use super::id_of;
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
    parameters::PathText,
};

/// Deletes a saved filter.
#[utoipa::path(
    delete,
    path = "/v1/voters/voter-file/filter/{id}",
    tag = "Saved filters",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader, ("id" = i32, Path, description = "The filter")),
    responses(
        (status = 204, description = "Deleted"),
        Errors<(RequireLogin, UseOrganization, PathText, SavedFilterError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
    PathText(id): PathText,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id).map_err(|_unknown| ApiError::record_not_found())?;
    saved_filters::delete(&state.ports, active, id).await.map_err(|error| match error {
        SavedFilterError::NotFound => ApiError::record_not_found(),
        error => error.into(),
    })?;
    Ok(HttpResponse::NoContent().finish())
}
