//! `GET /v1/polls/has-polls`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{base::StoreError, polls};

use crate::{
    AppState,
    auth::{RequireLogin, UseElectedOffice},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
};

/// Whether an office has polls.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HasPolls)]
pub(crate) struct HasPollsAnswer {
    has_polls: bool,
}

/// Reports whether the office has any poll.
#[utoipa::path(
    get,
    path = "/v1/polls/has-polls",
    tag = "Polls",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    responses(
        (status = 200, description = "Whether there is a poll", body = HasPollsAnswer),
        Errors<(RequireLogin, UseElectedOffice, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseElectedOffice(office): UseElectedOffice,
) -> Result<Json<HasPollsAnswer>, ApiError> {
    let office = office.ok_or_else(ApiError::no_organization)?;
    let has_polls = polls::has_any(&state.ports, office).await?;
    Ok(Json(HasPollsAnswer { has_polls }))
}
