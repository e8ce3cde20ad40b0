//! `POST /v1/campaigns/launch`.

use actix_web::web::{Data, Json};
use winserve_domain::campaigns::{self, LaunchCampaignError};

use crate::{
    AppState,
    auth::{RequireLogin, UseCampaign},
    body::JsonBody,
    error::{ApiError, ErrorCode},
    openapi::{Errors, JsonWrite, OrganizationHeader, refuses},
};

/// Launches the campaign that the request is about.
///
/// The body is ignored: clients send none, or `{}` as JSON or as text.
#[utoipa::path(
    post,
    path = "/v1/campaigns/launch",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "Launched", body = bool, content_type = "application/json"),
        Errors<(RequireLogin, UseCampaign, JsonBody, LaunchCampaignError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseCampaign(campaign): UseCampaign,
    _: JsonBody,
) -> Result<Json<bool>, ApiError> {
    let active = campaign.ok_or_else(ApiError::no_organization)?;
    campaigns::launch(&state.ports, active).await?;
    Ok(Json(true))
}

impl From<LaunchCampaignError> for ApiError {
    fn from(error: LaunchCampaignError) -> Self {
        match error {
            LaunchCampaignError::NoCampaign => Self::no_organization(),
            LaunchCampaignError::NoOffice => {
                Self::client(ErrorCode::InvalidRequest, "Cannot launch campaign, Office not set")
            }
            LaunchCampaignError::Store(error) => error.into(),
        }
    }
}

refuses!(LaunchCampaignError: NoOrganization, InvalidRequest; JsonWrite);
