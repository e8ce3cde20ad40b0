//! `GET /v1/campaigns/slug/:slug`.

use actix_web::web::{Data, Json};
use winserve_domain::use_cases;

use super::CampaignAnswer;
use crate::{AppState, auth::Admin, error::ApiError, parameters::PathText};

pub(crate) async fn handler(
    state: Data<AppState>,
    _: Admin,
    PathText(slug): PathText,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let campaign = state
        .database
        .read("campaign.find_by_slug", move |uow| use_cases::read_campaign_by_slug(uow, &slug))
        .await?;
    campaign.map(|campaign| Json(campaign.into())).ok_or_else(ApiError::not_found)
}
