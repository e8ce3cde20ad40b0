//! `GET /v1/organizations`: what a user can switch between.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::organizations::{self, OrganizationError};

use super::OrganizationAnswer;
use crate::{
    AppState,
    auth::RequireLogin,
    conditional,
    error::ApiError,
    openapi::{Errors, IfNoneMatchHeader},
};

#[derive(Serialize, ToSchema)]
#[schema(as = OrganizationList)]
struct Answer {
    organizations: Vec<OrganizationAnswer>,
}

/// Lists the organizations that the user can switch between.
#[utoipa::path(
    get,
    path = "/v1/organizations",
    tag = "Organizations",
    security(("session" = []), ("cookie" = [])),
    params(IfNoneMatchHeader),
    responses(
        (status = 200, description = "The user's organizations: offices held today, offices to come, campaigns by election day, then past ones", body = Answer, headers(("ETag" = String, description = "Identifies this version, for `If-None-Match` and `If-Match`"))),
        (status = 304, description = "The client's copy is current"),
        Errors<(RequireLogin, OrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let items = organizations::list(&state.ports, user.id).await?;
    let today = state.ports.today();
    let organizations = items.into_iter().map(|item| (item, today).into()).collect();
    conditional::answer(&request, &Answer { organizations })
}
