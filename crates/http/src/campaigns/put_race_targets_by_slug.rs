//! `PUT /v1/campaigns/admin/:slug/race-target-details`, for staff (legacy contract §3.4). Bodies are ignored.

use actix_web::web::{Data, Json};
use winserve_domain::campaigns::{self, RaceTargetsError, RaceTargetsOf};

use super::CampaignAnswer;
use crate::{
    AppState,
    auth::Staff,
    error::ApiError,
    openapi::Errors,
    parameters::{PathText, Query},
};

/// The same for any campaign, for staff.
#[utoipa::path(
    put,
    path = "/v1/campaigns/admin/{slug}/race-target-details",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(
        ("slug" = String, Path, description = "The campaign's slug"),
        ("includeTurnout" = Option<String>, Query, description = "`false` or `0` omits the turnout")
    ),
    responses(
        (status = 200, description = "The campaign as changed", body = CampaignAnswer),
        Errors<(Staff, PathText, Query, RaceTargetsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Staff,
    PathText(slug): PathText,
    query: Query,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let include_turnout = query.read(|query| query.unless_denied("includeTurnout"))?;
    let of = RaceTargetsOf::Slug(slug);
    let campaign = campaigns::set_race_targets(&state.ports, of, include_turnout).await;
    let campaign = campaign.map_err(|error| match error {
        RaceTargetsError::NoCampaign => ApiError::record_not_found(),
        error => error.into(),
    })?;
    Ok(Json(campaign.into()))
}
