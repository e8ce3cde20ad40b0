//! `GET /v1/organizations/admin/:id`, for staff and machines.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use winserve_domain::organizations::{self, OrganizationError};

use super::{AdminOrganizationAnswer, reference};
use crate::{
    AppState,
    auth::StaffOrMachine,
    conditional,
    error::ApiError,
    openapi::{Errors, IfNoneMatchHeader},
    parameters::PathText,
};

/// Returns anybody's organization, for staff and machines.
#[utoipa::path(
    get,
    path = "/v1/organizations/admin/{id}",
    tag = "Organizations",
    security(("session" = []), ("cookie" = []), ("machine" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's"), IfNoneMatchHeader),
    responses(
        (status = 200, description = "The organization with its owner", body = AdminOrganizationAnswer, headers(("ETag" = String, description = "Identifies this version, for `If-None-Match` and `If-Match`"))),
        (status = 304, description = "The client's copy is current"),
        Errors<(StaffOrMachine, PathText, OrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: StaffOrMachine,
    PathText(id): PathText,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let item = organizations::find(&state.ports, reference(&id)?, None).await?;
    conditional::answer(&request, &AdminOrganizationAnswer::from((item, state.ports.today())))
}
