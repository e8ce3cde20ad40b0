//! `PUT /v1/admin/campaigns/:id`: a campaign's standing.

use actix_web::web::{Data, Json};
use serde::Deserialize;
use winserve_domain::{
    base::StoreError,
    campaigns::{self, CampaignScalars},
};

use super::campaign_id;
use crate::{
    AppState,
    auth::Staff,
    body::{JsonBody, given, typed},
    campaigns::BareCampaignAnswer,
    error::ApiError,
    openapi::{Errors, body_schema},
    parameters::PathText,
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &[],
    fields: &[
        ("isVerified", Rule::Nullable(&Rule::Boolean)),
        ("tier", Rule::Nullable(&Rule::OneOf(&["WIN", "LOSE", "TOSSUP"]))),
        ("isPro", Rule::Boolean),
        ("didWin", Rule::Nullable(&Rule::Boolean)),
    ],
    unknown: Unknown::Refuse,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default, deserialize_with = "given")]
    is_verified: Option<Option<bool>>,
    #[serde(default, deserialize_with = "given")]
    tier: Option<Option<String>>,
    is_pro: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    did_win: Option<Option<bool>>,
}

body_schema!(Body, "CampaignStanding", BODY);

/// Changes a campaign's standing, for staff.
#[utoipa::path(
    put,
    path = "/v1/admin/campaigns/{id}",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(("id" = i32, Path, description = "The campaign")),
    request_body = Body,
    responses(
        (status = 200, description = "The campaign as changed", body = BareCampaignAnswer),
        Errors<(Staff, PathText, JsonBody, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Staff,
    PathText(id): PathText,
    JsonBody(body): JsonBody,
) -> Result<Json<BareCampaignAnswer>, ApiError> {
    let id = campaign_id(&id)?;
    let Body { is_verified, tier, is_pro, did_win } = typed(check(body, &BODY)?)?;
    let is_pro = is_pro.map(Some);
    let change =
        CampaignScalars { is_verified, tier, is_pro, did_win, ..CampaignScalars::default() };
    let campaign = campaigns::update_standing(&state.ports, id, change).await?;
    campaign.map(|campaign| Json(campaign.into())).ok_or_else(ApiError::record_not_found)
}
