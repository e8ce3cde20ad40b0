//! `GET /v1/elected-office/current`.

use actix_web::web::{Data, Json};

use super::ElectedOfficeAnswer;
use crate::{
    AppState,
    auth::Authenticated,
    error::{ApiError, ErrorCode},
};

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
) -> Result<Json<ElectedOfficeAnswer>, ApiError> {
    let office = state
        .database
        .read("elected_office.find_active", move |uow| {
            uow.elected_offices().find_active_of(user.id)
        })
        .await?;
    office
        .map(|office| Json(office.into()))
        .ok_or_else(|| ApiError::client(ErrorCode::NotFound, "No active elected office found"))
}
