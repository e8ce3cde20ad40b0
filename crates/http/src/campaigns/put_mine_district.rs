//! `PUT /v1/campaigns/mine/district`: the district picker (legacy contract §3.5).

use actix_web::web::{Data, Json};
use serde::Deserialize;
use winserve_domain::{
    district::District,
    use_cases::{self, Caller, DistrictAnswers, SetDistrict, UpdateCampaignError},
};

use super::CampaignAnswer;
use crate::{
    AppState, asking,
    auth::Authenticated,
    body::{JsonBody, typed},
    error::ApiError,
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &["L2DistrictType", "L2DistrictName"],
    fields: &[
        ("slug", Rule::Text),
        ("L2DistrictType", Rule::TextBetween(1, LIMIT)),
        ("L2DistrictName", Rule::TextBetween(1, LIMIT)),
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

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    JsonBody(body): JsonBody,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let Body { slug, kind, name } = typed(check(body, &BODY)?)?;
    let district = District { kind, name };
    let command = SetDistrict { caller: Caller::from(&user), slug, district };
    let answers = ask(&state, &command).await?;
    let now = state.clock.now();
    let campaign = state
        .database
        .transaction("campaign.set_district", move |uow| {
            use_cases::set_district(uow, &command, &answers, now)
        })
        .await?;
    Ok(Json(campaign.into()))
}

async fn ask(state: &AppState, command: &SetDistrict) -> Result<DistrictAnswers, ApiError> {
    let election = state.election.as_ref();
    let command = command.clone();
    let question = state
        .database
        .read("campaign.ask_before_set_district", move |uow| {
            use_cases::ask_before_set_district(uow, &command)
        })
        .await
        .map_err(|error| match error {
            UpdateCampaignError::NoCampaign => ApiError::not_found(),
            error => error.into(),
        })?;
    let facts = asking::facts(election, question.ballot_ready_id()).await;
    let turnout = asking::turnout(election, &question, &facts).await;
    let asked = asking::district(election, question, &facts).await;
    Ok(DistrictAnswers { facts, asked, turnout })
}
