//! `PATCH /v1/organizations/admin/:id`, for staff and machines.

use actix_web::{HttpResponse, web::Data};
use chrono::NaiveDate;
use serde_json::Value;
use winserve_domain::organizations::{
    self, ChangeOrganization, ChangeOrganizationError, OrganizationAuthor,
};

use super::{
    AdminOrganizationAnswer,
    change_body::{Body, CUSTOM_OFFICE, KEEP_DISTRICT, NAMED_DISTRICT, POSITION_ID, precondition},
    reference,
};
use crate::{
    AppState,
    auth::StaffOrMachine,
    body::{JsonBody, typed},
    conditional::{self, IfMatch},
    error::ApiError,
    openapi::{Errors, IfMatchHeader, body_schema},
    parameters::PathText,
    validation::{Rule, Shape, Unknown, check},
};

/// What staff and machines may change.
const BODY: Shape = Shape {
    required: &[],
    fields: &[
        POSITION_ID,
        CUSTOM_OFFICE,
        NAMED_DISTRICT,
        KEEP_DISTRICT,
        ("canDownloadFederal", Rule::Boolean),
    ],
    unknown: Unknown::Refuse,
};

/// The body of staff and machines, converted to [`Body`].
pub(super) enum AdminBody {}

body_schema!(AdminBody, "AdminOrganizationChange", BODY);

/// The change that staff or a machine requests.
pub(super) fn requested(
    StaffOrMachine { is_admin_or_machine }: StaffOrMachine,
    id: &str,
    if_match: IfMatch,
    body: Option<Value>,
    today: NaiveDate,
) -> Result<ChangeOrganization, ApiError> {
    let body: Body = typed(check(body, &BODY)?)?;
    let author = OrganizationAuthor { owner: None, is_staff_or_machine: true, is_admin_or_machine };
    let unchanged = precondition::<AdminOrganizationAnswer>(if_match, today);
    body.into_command(reference(id)?, author, unchanged)
}

/// Changes the office or district of anybody's organization, for staff and machines.
#[utoipa::path(
    patch,
    path = "/v1/organizations/admin/{id}",
    tag = "Organizations",
    security(("session" = []), ("cookie" = []), ("machine" = [])),
    params(("id" = String, Path, description = "Our id, or Clerk's"), IfMatchHeader),
    request_body = AdminBody,
    responses(
        (status = 200, description = "The organization as changed", body = AdminOrganizationAnswer, headers(("ETag" = String, description = "Identifies this version, for `If-None-Match` and `If-Match`"))),
        Errors<(StaffOrMachine, PathText, JsonBody, ChangeOrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    author: StaffOrMachine,
    PathText(id): PathText,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let today = state.ports.today();
    let command = requested(author, &id, if_match, body, today)?;
    let item = organizations::change(&state.ports, command).await?;
    conditional::tagged(&AdminOrganizationAnswer::from((item, today)))
}
