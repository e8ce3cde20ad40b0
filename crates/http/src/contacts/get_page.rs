//! `GET /v1/contacts`.

use actix_web::{HttpResponse, web::Data};
use winserve_domain::contacts::{self, ContactsError, ForProduct, PageRequest};

use super::{NotPaid, answers::PageAnswer, refusal, schema::AnyPage};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    error::{ApiError, ErrorCode},
    openapi::{Errors, OrganizationHeader},
    parameters::{Query, Reader},
};

/// Maximum number of contacts per page; people-api has no limit.
const LARGEST_PAGE: u32 = 1_000;
const USUAL_PAGE: u32 = 50;

fn read(query: &mut Reader) -> PageRequest {
    PageRequest {
        page: query.within("page", 1, i32::MAX.unsigned_abs()).unwrap_or(1),
        page_size: query.within("resultsPerPage", 1, LARGEST_PAGE).unwrap_or(USUAL_PAGE),
        search: query.text("search"),
        segment: query.text("segment"),
    }
}

/// Lists voters of the organization's district. Searching requires an office or a paying campaign.
#[utoipa::path(
    get,
    path = "/v1/contacts",
    tag = "Contacts",
    security(("session" = []), ("cookie" = [])),
    params(
        OrganizationHeader,
        ("page" = Option<i32>, Query, description = "Starts at 1, the default; beyond the last page, the last page is returned", minimum = 1),
        ("resultsPerPage" = Option<i32>, Query, description = "Default 50", minimum = 1, maximum = 1000),
        ("search" = Option<String>, Query, description = "A name, a first and last name, or a phone number"),
        ("segment" = Option<String>, Query, description = "`all`, `doorKnocking`, `directMail`, `texting`, `digitalAds`, `phoneBanking`, or the id of a saved filter")
    ),
    responses(
        (status = 200, description = "A page of contacts", body = AnyPage),
        Errors<(RequireLogin, UseOrganization, Query, NotPaid, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let request = query.read(read)?;
    let page = contacts::page(&state.ports, &active, &request).await.map_err(page_refusal)?;
    Ok(match page {
        ForProduct::Win(page) => HttpResponse::Ok().json(PageAnswer::from(page)),
        ForProduct::Serve(page) => HttpResponse::Ok().json(PageAnswer::from(page)),
    })
}

fn page_refusal(error: ContactsError) -> ApiError {
    match error {
        ContactsError::ProRequired => {
            let message = "Search is only available for pro campaigns";
            ApiError::client(ErrorCode::ProRequired, message)
        }
        error => refusal(error, "Failed to fetch from people API"),
    }
}
