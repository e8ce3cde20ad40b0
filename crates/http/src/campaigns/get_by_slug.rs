//! `GET /v1/campaigns/slug/:slug`.

use actix_web::web::{Data, Json};
use winserve_domain::{base::StoreError, campaigns};

use super::CampaignAnswer;
use crate::{AppState, auth::Admin, error::ApiError, openapi::Errors, parameters::PathText};

/// Returns a campaign by its slug, for admins.
#[utoipa::path(
    get,
    path = "/v1/campaigns/slug/{slug}",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(("slug" = String, Path, description = "The slug")),
    responses(
        (status = 200, description = "The campaign", body = CampaignAnswer),
        Errors<(Admin, PathText, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Admin,
    PathText(slug): PathText,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let campaign = campaigns::find_by_slug(&state.ports, slug).await?;
    campaign.map(|campaign| Json(campaign.into())).ok_or_else(ApiError::not_found)
}
