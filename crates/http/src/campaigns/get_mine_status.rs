//! `GET /v1/campaigns/mine/status`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    base::StoreError,
    campaigns::{self, CampaignStatus},
};

use crate::{
    AppState,
    auth::{RequireLogin, UseCampaign},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
};

/// `status` is `false`, `"candidate"` or `"onboarding"`, and determines the other members.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CampaignStatus)]
pub(crate) enum Answer {
    None { status: bool },
    Some(Status),
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "camelCase")]
#[schema(as = StatusOfCampaign)]
pub(crate) enum Status {
    #[serde(rename_all = "camelCase")]
    Candidate {
        slug: String,
        is_verified: bool,
    },
    Onboarding {
        slug: String,
        step: u8,
    },
}

impl From<CampaignStatus> for Answer {
    fn from(status: CampaignStatus) -> Self {
        match status {
            CampaignStatus::None => Self::None { status: false },
            CampaignStatus::Candidate { slug, is_verified } => {
                Self::Some(Status::Candidate { slug, is_verified })
            }
            CampaignStatus::Onboarding { slug, step } => {
                Self::Some(Status::Onboarding { slug, step: step.number() })
            }
        }
    }
}

/// Returns the user's progress and records the visit.
#[utoipa::path(
    get,
    path = "/v1/campaigns/mine/status",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "`status` determines the other members", body = Answer),
        Errors<(RequireLogin, UseCampaign, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseCampaign(campaign): UseCampaign,
) -> Result<Json<Answer>, ApiError> {
    let Some(active) = campaign else { return Ok(Json(CampaignStatus::None.into())) };
    Ok(Json(campaigns::visit(&state.ports, active).await?.into()))
}
