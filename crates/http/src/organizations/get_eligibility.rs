//! `GET /v1/eligibility`: what a user may start.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::organizations::{
    self, Eligibility, Obstacle, OrganizationError, OrganizationItem,
};

use crate::{AppState, auth::RequireLogin, error::ApiError, openapi::Errors};

/// What the user may start now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Eligibility)]
pub(crate) struct Answer {
    /// A campaign: `POST /v1/campaigns` with `positionId` or `customOffice`.
    campaign: Permission,
    /// An office without a campaign: `POST /v1/elected-office` with `positionId` or `customOffice`.
    elected_office: Permission,
    /// A campaign to hold an office again: `POST /v1/campaigns` with `fromElectedOffice`.
    re_elections: Vec<ReElection>,
    /// The office that a campaign runs for: `POST /v1/elected-office` in its organization.
    wins: Vec<Win>,
}

#[derive(Serialize, ToSchema)]
struct Permission {
    allowed: bool,
    /// Why not: `not-migrated`, `already-won` or `no-position`.
    reason: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ReElection {
    elected_office_id: Option<String>,
    organization_id: String,
    position_name: Option<String>,
    #[serde(flatten)]
    permission: Permission,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Win {
    campaign_id: Option<i32>,
    organization_id: String,
    position_name: Option<String>,
    #[serde(flatten)]
    permission: Permission,
}

impl From<Option<Obstacle>> for Permission {
    fn from(obstacle: Option<Obstacle>) -> Self {
        Self { allowed: obstacle.is_none(), reason: obstacle.map(Obstacle::as_str) }
    }
}

impl From<(OrganizationItem, Option<Obstacle>)> for ReElection {
    fn from((item, obstacle): (OrganizationItem, Option<Obstacle>)) -> Self {
        Self {
            organization_id: item.id.to_string(),
            position_name: item.position_name().map(str::to_owned),
            elected_office_id: item.elected_office.map(|office| office.id.0),
            permission: obstacle.into(),
        }
    }
}

impl From<(OrganizationItem, Option<Obstacle>)> for Win {
    fn from((item, obstacle): (OrganizationItem, Option<Obstacle>)) -> Self {
        Self {
            organization_id: item.id.to_string(),
            position_name: item.position_name().map(str::to_owned),
            campaign_id: item.campaign.map(|campaign| campaign.id.0),
            permission: obstacle.into(),
        }
    }
}

impl From<Eligibility> for Answer {
    fn from(may: Eligibility) -> Self {
        Self {
            campaign: may.campaign.into(),
            elected_office: may.elected_office.into(),
            re_elections: may.re_elections.into_iter().map(ReElection::from).collect(),
            wins: may.wins.into_iter().map(Win::from).collect(),
        }
    }
}

/// Says what the user may start now, from which office or campaign, and why not.
#[utoipa::path(
    get,
    path = "/v1/eligibility",
    tag = "Organizations",
    security(("session" = []), ("cookie" = [])),
    responses(
        (status = 200, description = "What the user may start", body = Answer),
        Errors<(RequireLogin, OrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
) -> Result<Json<Answer>, ApiError> {
    let may = organizations::eligibility(&state.ports, user.id).await?;
    Ok(Json(may.into()))
}
