//! `DELETE /v1/admin/campaigns/:id`. An office won with the campaign stays.

use actix_web::{HttpResponse, web::Data};
use winserve_domain::unit_of_work::StoreError;

use super::campaign_id;
use crate::{
    AppState,
    auth::Admin,
    error::{ApiError, ErrorCode},
    parameters::PathText,
};

pub(crate) async fn handler(
    state: Data<AppState>,
    _: Admin,
    PathText(id): PathText,
) -> Result<HttpResponse, ApiError> {
    let id = campaign_id(&id)?;
    let deleted: Result<bool, StoreError> =
        state.database.transaction("campaign.delete", move |uow| uow.campaigns().delete(id)).await;
    match deleted {
        Ok(true) => Ok(HttpResponse::NoContent().finish()),
        Ok(false) => Err(ApiError::record_not_found()),
        // Before phase 1 an office cannot be without its campaign.
        Err(StoreError::Referenced { .. }) => {
            let message = "The campaign cannot be deleted: an elected office was won with it";
            Err(ApiError::client(ErrorCode::InvalidRequest, message))
        }
        Err(error) => Err(error.into()),
    }
}
