//! `PUT /v1/campaigns/:id`, for machines (legacy contract §3.7).

use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use winserve_domain::campaigns::{
    self, Author, CampaignChange, CampaignScalars, UpdateCampaignError,
};

use super::MachineCampaignAnswer;
use crate::{
    AppState,
    admin_campaigns::campaign_id,
    auth::Machine,
    body::{JsonBody, given, typed},
    error::ApiError,
    openapi::{Errors, body_schema},
    parameters::PathText,
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &[],
    fields: &[
        ("slug", Rule::NotBlank(SLUG_LIMIT)),
        ("isActive", Rule::Boolean),
        ("isVerified", Rule::Nullable(&Rule::Boolean)),
        ("isPro", Rule::Nullable(&Rule::Boolean)),
        ("isDemo", Rule::Boolean),
        ("didWin", Rule::Nullable(&Rule::Boolean)),
        ("dateVerified", Rule::Nullable(&Rule::Instant)),
        ("tier", Rule::Nullable(&Rule::OneOf(&["WIN", "LOSE", "TOSSUP"]))),
        ("formattedAddress", Rule::Nullable(&Rule::Text)),
        ("placeId", Rule::Nullable(&Rule::Text)),
        ("data", Rule::Record),
        ("details", Rule::Record),
        ("aiContent", Rule::Record),
        ("canDownloadFederal", Rule::Boolean),
        ("completedTaskIds", Rule::List(&Rule::Text)),
        ("hasFreeTextsOffer", Rule::Boolean),
        ("freeTextsOfferRedeemedAt", Rule::Nullable(&Rule::Instant)),
    ],
    unknown: Unknown::Strip,
};

/// Maximum length of a slug, in UTF-16 units: it is indexed.
const SLUG_LIMIT: usize = 512;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    slug: Option<String>,
    is_active: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    is_verified: Option<Option<bool>>,
    #[serde(default, deserialize_with = "given")]
    is_pro: Option<Option<bool>>,
    is_demo: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    did_win: Option<Option<bool>>,
    #[serde(default, deserialize_with = "given")]
    date_verified: Option<Option<DateTime<Utc>>>,
    #[serde(default, deserialize_with = "given")]
    tier: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    formatted_address: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    place_id: Option<Option<String>>,
    data: Option<Map<String, Value>>,
    details: Option<Map<String, Value>>,
    ai_content: Option<Map<String, Value>>,
    can_download_federal: Option<bool>,
    completed_task_ids: Option<Vec<String>>,
    has_free_texts_offer: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    free_texts_offer_redeemed_at: Option<Option<DateTime<Utc>>>,
}

body_schema!(Body, "MachineCampaignChange", BODY);

impl From<Body> for CampaignChange {
    fn from(body: Body) -> Self {
        Self {
            data: body.data,
            details: body.details,
            ai_content: body.ai_content,
            path_to_victory: None,
            formatted_address: body.formatted_address,
            place_id: body.place_id,
            can_download_federal: body.can_download_federal,
            scalars: CampaignScalars {
                slug: body.slug,
                is_active: body.is_active,
                is_verified: body.is_verified,
                is_pro: body.is_pro,
                is_demo: body.is_demo,
                did_win: body.did_win,
                date_verified: body.date_verified,
                tier: body.tier,
                completed_task_ids: body.completed_task_ids,
                has_free_texts_offer: body.has_free_texts_offer,
                free_texts_offer_redeemed_at: body.free_texts_offer_redeemed_at,
            },
        }
    }
}

/// Changes a campaign, for machines.
#[utoipa::path(
    put,
    path = "/v1/campaigns/{id}",
    tag = "Campaigns",
    security(("machine" = [])),
    params(("id" = i32, Path, description = "The campaign")),
    request_body = Body,
    responses(
        (status = 200, description = "The campaign as changed", body = MachineCampaignAnswer),
        Errors<(Machine, PathText, JsonBody, UpdateCampaignError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    PathText(id): PathText,
    JsonBody(body): JsonBody,
) -> Result<Json<MachineCampaignAnswer>, ApiError> {
    let id = campaign_id(&id)?;
    let body: Body = typed(check(body, &BODY)?)?;
    let campaign = campaigns::update(&state.ports, Author::Machine(id), body.into()).await?;
    Ok(Json(campaign.into()))
}
