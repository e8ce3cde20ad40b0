//! `PUT /v1/campaigns/mine/district`: the district picker (legacy contract §3.5).

use actix_web::web::{Data, Json};
use serde::Deserialize;
use winserve_domain::{
    campaigns::{self, SetDistrict, UpdateCampaignError},
    positions::District,
};

use super::CampaignAnswer;
use crate::{
    AppState,
    auth::{UseCampaign, UserCaller},
    body::{JsonBody, typed},
    error::ApiError,
    openapi::{Errors, OrganizationHeader, body_schema},
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &["L2DistrictType", "L2DistrictName"],
    fields: &[
        ("slug", Rule::Text),
        ("L2DistrictType", Rule::NotBlank(LIMIT)),
        ("L2DistrictName", Rule::NotBlank(LIMIT)),
    ],
    unknown: Unknown::Strip,
};

/// Maximum length of type and name, in UTF-16 units.
const LIMIT: usize = 512;

#[derive(Deserialize)]
struct Body {
    slug: Option<String>,
    #[serde(rename = "L2DistrictType")]
    kind: String,
    #[serde(rename = "L2DistrictName")]
    name: String,
}

body_schema!(Body, "DistrictChange", BODY);

/// Sets the district; staff may name another campaign by its slug.
#[utoipa::path(
    put,
    path = "/v1/campaigns/mine/district",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    request_body = Body,
    responses(
        (status = 200, description = "The campaign as changed", body = CampaignAnswer),
        Errors<(UserCaller, UseCampaign, JsonBody, UpdateCampaignError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    UserCaller(caller): UserCaller,
    UseCampaign(own): UseCampaign,
    JsonBody(body): JsonBody,
) -> Result<Json<CampaignAnswer>, ApiError> {
    // A caller without a campaign is refused before the body is read.
    let own = own.ok_or_else(ApiError::no_organization)?;
    let Body { slug, kind, name } = typed(check(body, &BODY)?)?;
    let district = District { kind, name };
    let command = SetDistrict { caller, own, slug, district };
    let campaign =
        campaigns::set_district(&state.ports, command).await.map_err(|error| match error {
            UpdateCampaignError::NoCampaign => ApiError::no_organization(),
            error => error.into(),
        })?;
    Ok(Json(campaign.into()))
}
