//! `GET /v1/campaigns/:id`, for machines.

use actix_web::web::{Data, Json};
use winserve_domain::{base::StoreError, campaigns};

use super::MachineCampaignAnswer;
use crate::{
    AppState, admin_campaigns::campaign_id, auth::Machine, error::ApiError, openapi::Errors,
    parameters::PathText,
};

/// Returns a campaign, for machines.
#[utoipa::path(
    get,
    path = "/v1/campaigns/{id}",
    tag = "Campaigns",
    security(("machine" = [])),
    params(("id" = i32, Path, description = "The campaign")),
    responses(
        (status = 200, description = "The campaign", body = MachineCampaignAnswer),
        Errors<(Machine, PathText, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    PathText(id): PathText,
) -> Result<Json<MachineCampaignAnswer>, ApiError> {
    let campaign = campaigns::find(&state.ports, campaign_id(&id)?).await?;
    campaign.map(|campaign| Json(campaign.into())).ok_or_else(ApiError::record_not_found)
}
