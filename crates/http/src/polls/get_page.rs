//! `GET /v1/polls`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    base::{PollId, StoreError},
    polls,
};

use super::PollAnswer;
use crate::{
    AppState,
    auth::{RequireLogin, UseElectedOffice},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
    parameters::{Query, Reader},
};

const LARGEST_PAGE: u32 = 100;
const USUAL_PAGE: u32 = 20;

/// A page of polls.
#[derive(Serialize, ToSchema)]
#[schema(as = PollPage)]
pub(crate) struct PageAnswer {
    results: Vec<PollAnswer>,
    pagination: Pagination,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PollPagination)]
struct Pagination {
    /// The first poll of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// Lists the polls of the office, by id.
#[utoipa::path(
    get,
    path = "/v1/polls",
    tag = "Polls",
    security(("session" = []), ("cookie" = [])),
    params(
        OrganizationHeader,
        ("cursor" = Option<String>, Query, description = "The first poll of the page"),
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 100, description = "Default 20")
    ),
    responses(
        (status = 200, description = "The page", body = PageAnswer),
        Errors<(RequireLogin, UseElectedOffice, Query, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseElectedOffice(office): UseElectedOffice,
    query: Query,
) -> Result<Json<PageAnswer>, ApiError> {
    let office = office.ok_or_else(ApiError::no_organization)?;
    let (from, limit) = query.read(|query: &mut Reader| {
        let limit = query.within("limit", 1, LARGEST_PAGE).unwrap_or(USUAL_PAGE);
        (query.text("cursor").map(PollId), limit)
    })?;
    let page = polls::list(&state.ports, office, from, limit).await?;
    let now = state.ports.now();
    Ok(Json(PageAnswer {
        results: page.polls.into_iter().map(|poll| PollAnswer::new(poll, now)).collect(),
        pagination: Pagination { next_cursor: page.next.map(|id| id.0) },
    }))
}
