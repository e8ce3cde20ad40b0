//! `GET /v1/organizations/:id/campaign`.

use actix_web::web::{Data, Json};
use winserve_domain::organizations::{self, OrganizationError};

use super::reference;
use crate::{
    AppState, auth::RequireLogin, campaigns::CampaignAnswer, error::ApiError, openapi::Errors,
    parameters::PathText,
};

/// Returns the campaign of an organization of the user.
#[utoipa::path(
    get,
    path = "/v1/organizations/{id}/campaign",
    tag = "Organizations",
    security(("session" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's")),
    responses(
        (status = 200, description = "The campaign", body = CampaignAnswer),
        Errors<(RequireLogin, PathText, OrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
    PathText(id): PathText,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let campaign = organizations::find_campaign(&state.ports, reference(&id)?, user.id).await?;
    Ok(Json(campaign.into()))
}
