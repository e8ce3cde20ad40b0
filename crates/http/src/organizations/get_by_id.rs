//! `GET /v1/organizations/:id`.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use winserve_domain::organizations::{self, OrganizationError};

use super::{OrganizationAnswer, reference};
use crate::{
    AppState,
    auth::RequireLogin,
    conditional,
    error::ApiError,
    openapi::{Errors, IfNoneMatchHeader},
    parameters::PathText,
};

/// Returns an organization of the user.
#[utoipa::path(
    get,
    path = "/v1/organizations/{id}",
    tag = "Organizations",
    security(("session" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's"), IfNoneMatchHeader),
    responses(
        (status = 200, description = "The organization", body = OrganizationAnswer, headers(("ETag" = String, description = "Identifies this version, for `If-None-Match` and `If-Match`"))),
        (status = 304, description = "The client's copy is current"),
        Errors<(RequireLogin, PathText, OrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
    PathText(id): PathText,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let item = organizations::find(&state.ports, reference(&id)?, Some(user.id)).await?;
    conditional::answer(&request, &OrganizationAnswer::from((item, state.ports.today())))
}
