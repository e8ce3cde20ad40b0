//! `DELETE /v1/admin/campaigns/:id`. An office won with the campaign stays.

use actix_web::{HttpResponse, web::Data};
use winserve_domain::{
    base::StoreError,
    campaigns::{self, DeleteCampaignError},
};

use super::campaign_id;
use crate::{
    AppState,
    auth::Admin,
    error::{ApiError, ErrorCode},
    openapi::{Errors, refuses},
    parameters::PathText,
};

/// Deletes a campaign, for admins; an office won with it stays.
#[utoipa::path(
    delete,
    path = "/v1/admin/campaigns/{id}",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(("id" = i32, Path, description = "The campaign")),
    responses(
        (status = 204, description = "Deleted"),
        Errors<(Admin, PathText, DeleteCampaignError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Admin,
    PathText(id): PathText,
) -> Result<HttpResponse, ApiError> {
    campaigns::delete(&state.ports, campaign_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<DeleteCampaignError> for ApiError {
    fn from(error: DeleteCampaignError) -> Self {
        match error {
            DeleteCampaignError::NotFound => Self::record_not_found(),
            DeleteCampaignError::HasOffice => Self::client(
                ErrorCode::InvalidRequest,
                "The campaign cannot be deleted: an elected office was won with it",
            ),
            DeleteCampaignError::Store(error) => error.into(),
        }
    }
}

refuses!(DeleteCampaignError: NotFound, InvalidRequest; StoreError);
