//! `GET /v1/voters/voter-file/filters`.

use actix_web::web::{Data, Json};
use winserve_domain::use_cases;

use super::SavedFilterAnswer;
use crate::{
    AppState,
    auth::{Authenticated, UseOrganization},
    error::ApiError,
};

pub(crate) async fn handler(
    state: Data<AppState>,
    _: Authenticated,
    UseOrganization(active): UseOrganization,
) -> Result<Json<Vec<SavedFilterAnswer>>, ApiError> {
    let filters = state
        .database
        .read("saved_filter.list", move |uow| use_cases::list_saved_filters(uow, &active))
        .await?;
    Ok(Json(filters.into_iter().map(SavedFilterAnswer::from).collect()))
}
