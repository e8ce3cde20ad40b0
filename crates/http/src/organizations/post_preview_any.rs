//! `POST /v1/organizations/admin/:id/preview`, for staff and machines.

use actix_web::web::{Data, Json};
use winserve_domain::organizations::{self, ChangeOrganizationError};

use super::{
    patch_any::{AdminBody, requested},
    preview_answer::PreviewAnswer,
};
use crate::{
    AppState,
    auth::StaffOrMachine,
    body::JsonBody,
    conditional::IfMatch,
    error::ApiError,
    openapi::{Errors, IfMatchHeader},
    parameters::PathText,
};

/// Says what `PATCH` with the same body would do to anybody's organization, and writes nothing.
#[utoipa::path(
    post,
    path = "/v1/organizations/admin/{id}/preview",
    tag = "Organizations",
    security(("session" = []), ("cookie" = []), ("machine" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's"), IfMatchHeader),
    request_body = AdminBody,
    responses(
        (status = 200, description = "What the change would do", body = PreviewAnswer),
        Errors<(StaffOrMachine, PathText, JsonBody, ChangeOrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    author: StaffOrMachine,
    PathText(id): PathText,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Json<PreviewAnswer>, ApiError> {
    let today = state.ports.today();
    let command = requested(author, &id, if_match, body, today)?;
    let preview = organizations::preview(&state.ports, command).await?;
    Ok(Json((preview, today).into()))
}
