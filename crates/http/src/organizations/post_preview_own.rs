//! `POST /v1/organizations/:id/preview`.

use actix_web::web::{Data, Json};
use winserve_domain::organizations::{self, ChangeOrganizationError};

use super::{
    patch_own::{OwnBody, requested},
    preview_answer::PreviewAnswer,
};
use crate::{
    AppState,
    auth::UserCaller,
    body::JsonBody,
    conditional::IfMatch,
    error::ApiError,
    openapi::{Errors, IfMatchHeader},
    parameters::PathText,
};

/// Says what `PATCH` with the same body would do to the user's own organization, and writes nothing.
#[utoipa::path(
    post,
    path = "/v1/organizations/{id}/preview",
    tag = "Organizations",
    security(("session" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's"), IfMatchHeader),
    request_body = OwnBody,
    responses(
        (status = 200, description = "What the change would do", body = PreviewAnswer),
        Errors<(UserCaller, PathText, JsonBody, ChangeOrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    UserCaller(caller): UserCaller,
    PathText(id): PathText,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Json<PreviewAnswer>, ApiError> {
    let today = state.ports.today();
    let command = requested(caller, &id, if_match, body, today)?;
    let preview = organizations::preview(&state.ports, command).await?;
    Ok(Json((preview, today).into()))
}
