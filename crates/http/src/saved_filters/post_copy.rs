//! `POST /v1/voters/voter-file/filter/:id/copy`: to another organization of the same user.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use winserve_domain::saved_filters::{self, Flag, SavedFilterError};

use super::{SavedFilterAnswer, id_of};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization, organization},
    body::{JsonBody, typed},
    error::ApiError,
    openapi::{Errors, OrganizationHeader, body_schema},
    parameters::PathText,
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &["organizationId"],
    fields: &[("organizationId", Rule::Text)],
    unknown: Unknown::Refuse,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    organization_id: String,
}

body_schema!(Body, "SavedFilterCopy", BODY);

/// The copy, and what could not be copied.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    #[serde(flatten)]
    filter: SavedFilterAnswer,
    left_out: Vec<&'static str>,
}

/// Copies a saved filter to another organization of the same user.
#[utoipa::path(
    post,
    path = "/v1/voters/voter-file/filter/{id}/copy",
    tag = "Saved filters",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader, ("id" = i32, Path, description = "The filter")),
    request_body = Body,
    responses(
        (status = 201, description = "The copy, and the criteria that could not be copied", body = Answer),
        Errors<(RequireLogin, UseOrganization, PathText, JsonBody, SavedFilterError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(from): UseOrganization,
    PathText(id): PathText,
    JsonBody(body): JsonBody,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    let Body { organization_id } = typed(check(body, &BODY)?)?;
    let to = organization::named(&request, &organization_id)?;
    let copied = saved_filters::copy(&state.ports, from, id, to).await?;
    let left_out = copied.left_out.into_iter().map(Flag::key).collect();
    Ok(HttpResponse::Created().json(Answer { filter: copied.filter.into(), left_out }))
}
