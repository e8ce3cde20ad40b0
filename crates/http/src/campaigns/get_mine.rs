//! `GET /v1/campaigns/mine`.

use actix_web::web::{Data, Json};
use winserve_domain::use_cases;

use super::CampaignAnswer;
use crate::{AppState, auth::Authenticated, error::ApiError};

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let campaign = state
        .database
        .read("campaign.find_mine", move |uow| use_cases::read_my_campaign(uow, user.id))
        .await?;
    campaign.map(|campaign| Json(campaign.into())).ok_or_else(ApiError::not_found)
}
