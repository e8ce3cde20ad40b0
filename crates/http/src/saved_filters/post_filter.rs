//! `POST /v1/voters/voter-file/filter`.

use actix_web::{HttpResponse, web::Data};
use winserve_domain::saved_filters::{self, FilterContent, SavedFilterError};

use super::{Body, SavedFilterAnswer, content};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    body::JsonBody,
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
};

/// Saves a filter for the organization.
#[utoipa::path(
    post,
    path = "/v1/voters/voter-file/filter",
    tag = "Saved filters",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The filter", body = SavedFilterAnswer),
        Errors<(RequireLogin, UseOrganization, JsonBody, SavedFilterError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
    JsonBody(body): JsonBody,
) -> Result<HttpResponse, ApiError> {
    let content = content(&active, body)?;
    let voter_count = content.voter_count.or(Some(0));
    let content = FilterContent { voter_count, ..content };
    let filter = saved_filters::create(&state.ports, active, content).await?;
    Ok(HttpResponse::Created().json(SavedFilterAnswer::from(filter)))
}
