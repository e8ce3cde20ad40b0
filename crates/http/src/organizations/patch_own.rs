//! `PATCH /v1/organizations/:id`.

use actix_web::{HttpResponse, web::Data};
use chrono::NaiveDate;
use serde_json::Value;
use winserve_domain::{
    campaigns::Caller,
    organizations::{self, ChangeOrganization, ChangeOrganizationError, OrganizationAuthor},
};

use super::{
    OrganizationAnswer,
    change_body::{Body, CUSTOM_OFFICE, KEEP_DISTRICT, NAMED_DISTRICT, POSITION_ID, precondition},
    reference,
};
use crate::{
    AppState,
    auth::UserCaller,
    body::{JsonBody, typed},
    conditional::{self, IfMatch},
    error::ApiError,
    openapi::{Errors, IfMatchHeader, body_schema},
    parameters::PathText,
    validation::{Shape, Unknown, check},
};

/// What an owner may change.
const BODY: Shape = Shape {
    required: &[],
    fields: &[POSITION_ID, CUSTOM_OFFICE, NAMED_DISTRICT, KEEP_DISTRICT],
    unknown: Unknown::Refuse,
};

/// The body of an owner, converted to [`Body`].
pub(super) enum OwnBody {}

body_schema!(OwnBody, "OrganizationChange", BODY);

/// The change that an owner requests.
pub(super) fn requested(
    caller: Caller,
    id: &str,
    if_match: IfMatch,
    body: Option<Value>,
    today: NaiveDate,
) -> Result<ChangeOrganization, ApiError> {
    let body: Body = typed(check(body, &BODY)?)?;
    let author = OrganizationAuthor {
        owner: Some(caller.id),
        is_staff_or_machine: caller.is_staff,
        // Nobody can request here what only staff may change.
        is_admin_or_machine: false,
    };
    body.into_command(reference(id)?, author, precondition::<OrganizationAnswer>(if_match, today))
}

/// Changes the office or the district of the user's own organization.
#[utoipa::path(
    patch,
    path = "/v1/organizations/{id}",
    tag = "Organizations",
    security(("session" = []), ("cookie" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's"), IfMatchHeader),
    request_body = OwnBody,
    responses(
        (status = 200, description = "The organization as changed", body = OrganizationAnswer, headers(("ETag" = String, description = "Identifies this version, for `If-None-Match` and `If-Match`"))),
        Errors<(UserCaller, PathText, JsonBody, ChangeOrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    UserCaller(caller): UserCaller,
    PathText(id): PathText,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let today = state.ports.today();
    let command = requested(caller, &id, if_match, body, today)?;
    let item = organizations::change(&state.ports, command).await?;
    conditional::tagged(&OrganizationAnswer::from((item, today)))
}
