//! `GET /v1/elected-office/list`, for machines.

use actix_web::web::{Data, Json};
use winserve_domain::{
    base::{StoreError, UserId},
    offices,
};

use super::MachineOfficeAnswer;
use crate::{
    AppState,
    auth::Machine,
    error::ApiError,
    machine_lists::{Columns, PageAnswer, page_parameters, read_page},
    openapi::Errors,
    parameters::Query,
};

const COLUMNS: &Columns = &[
    ("id", "id"),
    ("electedDate", "elected_date"),
    ("swornInDate", "sworn_in_date"),
    ("termStartDate", "term_start_date"),
    ("termLengthDays", "term_length_days"),
    ("termEndDate", "term_end_date"),
    ("isActive", "is_active"),
    ("userId", "user_id"),
    ("createdAt", "created_at"),
    ("updatedAt", "updated_at"),
    ("campaignId", "campaign_id"),
];

page_parameters!(Sorted, COLUMNS);

/// Lists all offices by page, for machines.
#[utoipa::path(
    get,
    path = "/v1/elected-office/list",
    tag = "Elected offices",
    security(("machine" = [])),
    params(
        ("userId" = Option<i32>, Query, description = "Only those of this user"),
        Sorted
    ),
    responses(
        (status = 200, description = "The page", body = PageAnswer<MachineOfficeAnswer>),
        Errors<(Machine, Query, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    query: Query,
) -> Result<Json<PageAnswer<MachineOfficeAnswer>>, ApiError> {
    let (page, holder) =
        query.read(|query| (read_page(query, COLUMNS), query.integer("userId").map(UserId)))?;
    let (offices, total) = offices::page(&state.ports, holder, page).await?;
    let data = offices.into_iter().map(MachineOfficeAnswer::from).collect();
    Ok(Json(PageAnswer::new(data, total, page)))
}
