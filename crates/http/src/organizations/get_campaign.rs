//! `GET /v1/organizations/:id/campaign`.

use actix_web::web::{Data, Json};
use winserve_domain::use_cases;

use super::reference;
use crate::{
    AppState, auth::Authenticated, campaigns::CampaignAnswer, error::ApiError, parameters::PathText,
};

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    PathText(id): PathText,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let id = reference(&id)?;
    let campaign = state
        .database
        .read("organization.campaign", move |uow| {
            use_cases::read_campaign_of_organization(uow, &id, user.id)
        })
        .await?;
    Ok(Json(campaign.into()))
}
