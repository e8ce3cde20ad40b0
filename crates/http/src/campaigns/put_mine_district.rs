//! `PUT /v1/campaigns/mine/district`: the district picker (legacy contract §3.5).

use actix_web::web::{Data, Json};
use serde::Deserialize;
use winserve_domain::{
    campaigns::{self, AskedDistrict, Campaign, SetDistrict, UpdateCampaignError},
    positions::{District, Facts},
};

use super::CampaignAnswer;
use crate::{
    AppState, asking,
    auth::{Acting, UseCampaign},
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

/// Longest type and name, in UTF-16 units.
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
        Errors<(Acting, UseCampaign, JsonBody, UpdateCampaignError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    Acting(caller): Acting,
    UseCampaign(own): UseCampaign,
    JsonBody(body): JsonBody,
) -> Result<Json<CampaignAnswer>, ApiError> {
    // A caller without a campaign is refused before the body is looked at.
    let own = own.ok_or_else(ApiError::no_organization)?;
    let Body { slug, kind, name } = typed(check(body, &BODY)?)?;
    let district = District { kind, name };
    let command = SetDistrict { caller, own, slug, district };
    for _ in 0..asking::ATTEMPTS {
        let (facts, asked) = ask(&state, command.clone()).await?;
        match set(&state, command.clone(), facts, asked).await {
            Err(UpdateCampaignError::AnswerOutdated) => {}
            campaign => return Ok(Json(campaign?.into())),
        }
    }
    Err(UpdateCampaignError::AnswerOutdated.into())
}

async fn ask(state: &AppState, command: SetDistrict) -> Result<(Facts, AskedDistrict), ApiError> {
    let question = state
        .ports
        .database
        .read("campaign.ask_before_set_district", move |uow| {
            campaigns::ask_before_set_district(uow, &command)
        })
        .await
        .map_err(|error| match error {
            UpdateCampaignError::NoCampaign => ApiError::no_organization(),
            error => error.into(),
        })?;
    let election = state.ports.election.as_ref();
    let facts = asking::facts(election, question.position.ballot_ready()).await;
    let asked = asking::district(election, question, &facts, true).await;
    Ok((facts, asked))
}

async fn set(
    state: &AppState,
    command: SetDistrict,
    facts: Facts,
    asked: AskedDistrict,
) -> Result<Campaign, UpdateCampaignError> {
    let now = state.ports.now();
    state
        .ports
        .database
        .transaction("campaign.set_district", move |uow| {
            campaigns::set_district(uow, &command, &facts, &asked, now)
        })
        .await
}
