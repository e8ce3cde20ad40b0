//! `PUT /v1/voters/voter-file/filter/:id`.

use actix_web::web::{Data, Json};
use winserve_domain::use_cases;

use super::{SavedFilterAnswer, content, id_of};
use crate::{
    AppState,
    auth::{Authenticated, UseOrganization},
    body::JsonBody,
    error::ApiError,
    parameters::PathText,
};

pub(crate) async fn handler(
    state: Data<AppState>,
    _: Authenticated,
    UseOrganization(active): UseOrganization,
    PathText(id): PathText,
    JsonBody(body): JsonBody,
) -> Result<Json<SavedFilterAnswer>, ApiError> {
    let (id, content) = (id_of(&id)?, content(&active, body)?);
    let now = state.clock.now();
    let filter = state
        .database
        .transaction("saved_filter.update", move |uow| {
            use_cases::update_saved_filter(uow, &active, id, content, now)
        })
        .await?;
    Ok(Json(filter.into()))
}
