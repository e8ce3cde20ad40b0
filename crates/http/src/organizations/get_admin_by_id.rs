//! `GET /v1/organizations/admin/:id`, for staff and machines.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use winserve_domain::use_cases;

use super::{AdminOrganizationAnswer, reference};
use crate::{AppState, auth::StaffOrMachine, conditional, error::ApiError, parameters::PathText};

pub(crate) async fn handler(
    state: Data<AppState>,
    _: StaffOrMachine,
    PathText(id): PathText,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = reference(&id)?;
    let item = state
        .database
        .read("organization.find", move |uow| use_cases::read_organization(uow, &id, None))
        .await?;
    conditional::answer(&request, &AdminOrganizationAnswer::from(item))
}
