//! `GET /v1/campaigns/mine`.

use actix_web::web::{Data, Json};
use winserve_domain::{base::StoreError, campaigns};

use super::CampaignAnswer;
use crate::{
    AppState,
    auth::{RequireLogin, UseCampaign},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
};

/// Returns the campaign that the request is about.
#[utoipa::path(
    get,
    path = "/v1/campaigns/mine",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "The campaign with its voter goals", body = CampaignAnswer),
        Errors<(RequireLogin, UseCampaign, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseCampaign(campaign): UseCampaign,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let active = campaign.ok_or_else(ApiError::no_organization)?;
    let campaign = campaigns::find_mine(&state.ports, active).await?;
    campaign.map(|campaign| Json(campaign.into())).ok_or_else(ApiError::no_organization)
}
