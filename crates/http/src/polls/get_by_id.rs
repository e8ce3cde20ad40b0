//! `GET /v1/polls/:id`.

use actix_web::web::{Data, Json};
use winserve_domain::{
    base::{PollId, StoreError},
    polls::{self, PollError},
};

use super::PollAnswer;
use crate::{
    AppState,
    auth::{RequireLogin, UseElectedOffice},
    error::{ApiError, ErrorCode},
    openapi::{Errors, OrganizationHeader, refuses},
    parameters::PathText,
};

/// Returns a poll of the office.
#[utoipa::path(
    get,
    path = "/v1/polls/{id}",
    tag = "Polls",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader, ("id" = String, Path, description = "The poll")),
    responses(
        (status = 200, description = "The poll", body = PollAnswer),
        Errors<(RequireLogin, UseElectedOffice, PathText, PollError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseElectedOffice(office): UseElectedOffice,
    PathText(id): PathText,
) -> Result<Json<PollAnswer>, ApiError> {
    let office = office.ok_or_else(ApiError::no_organization)?;
    let poll = polls::find(&state.ports, office, PollId(id)).await?;
    Ok(Json(PollAnswer::new(poll, state.ports.now())))
}

refuses!(PollError: NotFound, Forbidden; StoreError);

impl From<PollError> for ApiError {
    fn from(error: PollError) -> Self {
        match error {
            PollError::NotFound => Self::client(ErrorCode::NotFound, "Poll not found"),
            PollError::Foreign => {
                let message = "You do not have permission to access this poll";
                Self::client(ErrorCode::Forbidden, message)
            }
            PollError::Store(error) => error.into(),
        }
    }
}
