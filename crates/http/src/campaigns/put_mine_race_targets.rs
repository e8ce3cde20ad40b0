//! `PUT /v1/campaigns/mine/race-target-details` (legacy contract §3.4). Bodies are ignored.

use actix_web::web::{Data, Json};
use winserve_domain::campaigns::{self, RaceTargetsError, RaceTargetsOf, campaign_json::keys};

use super::CampaignAnswer;
use crate::{
    AppState,
    auth::{RequireLogin, UseCampaign},
    error::{ApiError, ErrorCode},
    openapi::{Errors, JsonWrite, OrganizationHeader, refuses},
};

/// Asks election-api again for the district and the voter goals.
#[utoipa::path(
    put,
    path = "/v1/campaigns/mine/race-target-details",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "The campaign as changed", body = CampaignAnswer),
        Errors<(RequireLogin, UseCampaign, RaceTargetsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseCampaign(campaign): UseCampaign,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let active = campaign.ok_or_else(ApiError::no_organization)?;
    let of = RaceTargetsOf::Own(active);
    Ok(Json(campaigns::set_race_targets(&state.ports, of, true).await?.into()))
}

impl From<RaceTargetsError> for ApiError {
    fn from(error: RaceTargetsError) -> Self {
        match error {
            RaceTargetsError::NoCampaign => Self::no_organization(),
            RaceTargetsError::NoRace => {
                let message = format!(
                    "Error: The campaign has no ballotready '{}' or electionDate and likely hasn't \
                     selected an office yet",
                    keys::POSITION_ID,
                );
                Self::client(ErrorCode::InvalidRequest, message)
            }
            RaceTargetsError::Store(error) => error.into(),
        }
    }
}

refuses!(RaceTargetsError: NoOrganization, InvalidRequest; JsonWrite);
