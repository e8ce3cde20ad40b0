//! `POST /v1/campaigns`: a user's first campaign (legacy contract §3.1).

use actix_web::{HttpResponse, web::Data};
use winserve_domain::{
    unit_of_work::StoreError,
    use_cases::{self, StartCampaignError},
};

use super::CampaignAnswer;
use crate::{
    AppState,
    auth::Authenticated,
    body::{JsonBody, require_none},
    error::{ApiError, ErrorCode},
};

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    require_none(body.as_ref())?;
    let now = state.clock.now();
    let campaign = state
        .database
        .transaction("campaign.start", move |uow| {
            use_cases::start_first_campaign(uow, user.id, now)
        })
        .await?;
    let mut answer = serde_json::to_value(CampaignAnswer::from(campaign))
        .map_err(|error| ApiError::server(ErrorCode::Internal, error))?;
    if let Some(members) = answer.as_object_mut() {
        // The old route answers the bare campaign.
        members.remove("pathToVictory");
    }
    Ok(HttpResponse::Created().json(answer))
}

impl From<StartCampaignError> for ApiError {
    fn from(error: StartCampaignError) -> Self {
        match error {
            StartCampaignError::NoUser(_) => Self::client(ErrorCode::Unauthorized, "Unauthorized"),
            StartCampaignError::AlreadyStarted => {
                Self::client(ErrorCode::Conflict, "User campaign already exists.")
            }
            StartCampaignError::NoSlugLeft => {
                Self::client(ErrorCode::Conflict, "Duplicate field: slug")
            }
            // Somebody of the same name was faster; another try finds the next slug.
            StartCampaignError::Store(StoreError::Conflict { constraint, source })
                if constraint == "campaign_slug_key" =>
            {
                Self::server(ErrorCode::Unavailable, source)
            }
            StartCampaignError::Store(error) => error.into(),
        }
    }
}
