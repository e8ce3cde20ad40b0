//! `GET /v1/organizations/admin/list`, for staff and machines.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::organizations::{self, OrganizationError, OrganizationFilter};

use super::{AdminOrganizationAnswer, reference};
use crate::{AppState, auth::StaffOrMachine, error::ApiError, openapi::Errors, parameters::Query};

/// Organizations per page.
const PAGE_SIZE: i64 = 50;

#[derive(Serialize, ToSchema)]
#[schema(as = OrganizationPage)]
struct Answer {
    organizations: Vec<AdminOrganizationAnswer>,
    pagination: Pagination,
}

/// As in the lists of contacts (legacy contract §5.5).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    total_results: i64,
    current_page: i64,
    page_size: i64,
    total_pages: i64,
    has_next_page: bool,
    has_previous_page: bool,
}

/// Lists everybody's organizations by page, for staff and machines.
#[utoipa::path(
    get,
    path = "/v1/organizations/admin/list",
    tag = "Organizations",
    security(("session" = []), ("cookie" = []), ("machine" = [])),
    params(
        ("id" = Option<String>, Query, description = "Our id, or Clerk's"),
        ("email" = Option<String>, Query, description = "A part of the owner's address"),
        ("page" = Option<i32>, Query, minimum = 1, description = "Default: the first")
    ),
    responses(
        (status = 200, description = "The page", body = Answer),
        Errors<(StaffOrMachine, Query, OrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: StaffOrMachine,
    query: Query,
) -> Result<Json<impl Serialize>, ApiError> {
    let (id, email, page) = query.read_only(&["id", "email", "page"], |query| {
        (query.text("id"), query.text("email"), query.position("page").unwrap_or(1))
    })?;
    let id = id.as_deref().map(reference).transpose()?;
    let offset = (page - 1) * PAGE_SIZE;
    let filter = OrganizationFilter { id, email, text: None, offset, limit: PAGE_SIZE };
    let (items, total) = organizations::page(&state.ports, filter).await?;
    let today = state.ports.today();
    let organizations = items.into_iter().map(|item| (item, today).into()).collect();
    Ok(Json(Answer { organizations, pagination: Pagination::new(page, total) }))
}

impl Pagination {
    fn new(page: i64, total: i64) -> Self {
        let pages = ((total + PAGE_SIZE - 1) / PAGE_SIZE).max(1);
        Self {
            total_results: total,
            current_page: page,
            page_size: PAGE_SIZE,
            total_pages: pages,
            has_next_page: page < pages,
            has_previous_page: page > 1,
        }
    }
}
