//! `PUT /v1/campaigns/mine/race-target-details` and, for staff,
//! `PUT /v1/campaigns/admin/:slug/race-target-details` (legacy contract §3.4). Bodies do not matter.

use actix_web::web::{Data, Json};
use winserve_domain::campaigns::{self, RaceTargetsError, RaceTargetsOf, campaign_json::keys};

use super::CampaignAnswer;
use crate::{
    AppState, asking,
    auth::{Authenticated, Staff, UseCampaign},
    error::{ApiError, ErrorCode},
    openapi::{Errors, JsonWrite, OrganizationHeader, refuses},
    parameters::{PathText, Query},
};

/// Asks election-api again for the district and the voter goals.
#[utoipa::path(
    put,
    path = "/v1/campaigns/mine/race-target-details",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "The campaign as changed", body = CampaignAnswer),
        Errors<(Authenticated, UseCampaign, RaceTargetsError)>
    )
)]
pub(crate) async fn of_mine(
    state: Data<AppState>,
    _: Authenticated,
    UseCampaign(campaign): UseCampaign,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let active = campaign.ok_or_else(ApiError::no_organization)?;
    let answer = update(&state, RaceTargetsOf::Own(active), true).await?;
    answer.ok_or_else(ApiError::no_organization)
}

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
pub(crate) async fn of_slug(
    state: Data<AppState>,
    _: Staff,
    PathText(slug): PathText,
    query: Query,
) -> Result<Json<CampaignAnswer>, ApiError> {
    let include_turnout = query.read(|query| query.unless_denied("includeTurnout"))?;
    let answer = update(&state, RaceTargetsOf::Slug(slug), include_turnout).await?;
    answer.ok_or_else(ApiError::record_not_found)
}

/// Asks election-api, then writes; `None` when there is no such campaign.
async fn update(
    state: &AppState,
    of: RaceTargetsOf,
    include_turnout: bool,
) -> Result<Option<Json<CampaignAnswer>>, ApiError> {
    let asked_of = of.clone();
    let question = state
        .database
        .read("campaign.ask_before_race_targets", move |uow| {
            campaigns::ask_before_race_targets(uow, &asked_of)
        })
        .await;
    let question = match question {
        Err(RaceTargetsError::NoCampaign) => return Ok(None),
        question => question?,
    };
    let answer = asking::race(state.election.as_ref(), &question, include_turnout).await;
    let now = state.clock.now();
    let campaign = state
        .database
        .transaction("campaign.update_race_targets", move |uow| {
            campaigns::update_race_targets(uow, &of, answer, now)
        })
        .await?;
    Ok(Some(Json(campaign.into())))
}

impl From<RaceTargetsError> for ApiError {
    fn from(error: RaceTargetsError) -> Self {
        match error {
            RaceTargetsError::NoCampaign => Self::no_organization(),
            RaceTargetsError::NoRace => {
                let message = format!(
                    "Error: The campaign has no ballotready '{}' or electionDate and likely hasn't \
                     selected an office yet",
                    keys::POSITION_ID,
                );
                Self::client(ErrorCode::InvalidRequest, message)
            }
            RaceTargetsError::Store(error) => error.into(),
        }
    }
}

refuses!(RaceTargetsError: NoOrganization, InvalidRequest; JsonWrite);
