//! `GET /v1/organizations/:id`.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use winserve_domain::use_cases;

use super::{OrganizationAnswer, reference};
use crate::{AppState, auth::Authenticated, conditional, error::ApiError, parameters::PathText};

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    PathText(id): PathText,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = reference(&id)?;
    let item = state
        .database
        .read("organization.find", move |uow| use_cases::read_organization(uow, &id, Some(user.id)))
        .await?;
    conditional::answer(&request, &OrganizationAnswer::from(item))
}
