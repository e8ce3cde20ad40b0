//! `GET /v1/organizations`: what a user can switch between.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use winserve_domain::use_cases;

use super::OrganizationAnswer;
use crate::{AppState, auth::Authenticated, conditional, error::ApiError};

#[derive(Serialize)]
struct Answer {
    organizations: Vec<OrganizationAnswer>,
}

pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let items = state
        .database
        .read("organization.list", move |uow| use_cases::list_organizations(uow, user.id))
        .await?;
    let organizations = items.into_iter().map(OrganizationAnswer::from).collect();
    conditional::answer(&request, &Answer { organizations })
}
