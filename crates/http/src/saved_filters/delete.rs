//! `DELETE /v1/voters/voter-file/filter/:id`.

use actix_web::{HttpResponse, web::Data};
use winserve_domain::use_cases::{self, SavedFilterError};

use super::id_of;
use crate::{
    AppState,
    auth::{Authenticated, UseOrganization},
    error::ApiError,
    parameters::PathText,
};

pub(crate) async fn handler(
    state: Data<AppState>,
    _: Authenticated,
    UseOrganization(active): UseOrganization,
    PathText(id): PathText,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id).map_err(|_unknown| ApiError::record_not_found())?;
    state
        .database
        .transaction("saved_filter.delete", move |uow| {
            use_cases::delete_saved_filter(uow, &active, id)
        })
        .await
        .map_err(|error| match error {
            SavedFilterError::NotFound => ApiError::record_not_found(),
            error => error.into(),
        })?;
    Ok(HttpResponse::NoContent().finish())
}
