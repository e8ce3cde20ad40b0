//! `GET /v1/campaigns/mine/status`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use winserve_domain::use_cases::{self, CampaignStatus};

use crate::{
    AppState,
    auth::{Authenticated, UseCampaign},
    error::ApiError,
};

/// `status` is `false`, `"candidate"` or `"onboarding"`, and says which members follow.
#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum Answer {
    None { status: bool },
    Candidate { status: &'static str, slug: String, is_verified: bool },
    Onboarding { status: &'static str, slug: String, step: u8 },
}

impl From<CampaignStatus> for Answer {
    fn from(status: CampaignStatus) -> Self {
        match status {
            CampaignStatus::None => Self::None { status: false },
            CampaignStatus::Candidate { slug, is_verified } => {
                Self::Candidate { status: "candidate", slug, is_verified }
            }
            CampaignStatus::Onboarding { slug, step } => {
                Self::Onboarding { status: "onboarding", slug, step: step.number() }
            }
        }
    }
}

pub(crate) async fn handler(
    state: Data<AppState>,
    _: Authenticated,
    UseCampaign(campaign): UseCampaign,
) -> Result<Json<Answer>, ApiError> {
    let Some(active) = campaign else { return Ok(Json(CampaignStatus::None.into())) };
    let now = state.clock.now();
    let status = state
        .database
        .transaction("campaign.visit", move |uow| use_cases::visit_my_campaign(uow, active, now))
        .await?;
    Ok(Json(status.into()))
}
