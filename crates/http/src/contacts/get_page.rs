//! `GET /v1/contacts`.

use actix_web::{HttpResponse, web::Data};
use winserve_domain::{
    contacts::{ContactsError, ContactsOf, PageQuery, Serve, Win},
    organizations::{ActiveOrganization, Holder},
};

use super::{
    NotPaid,
    answers::{PageAnswer, Shown},
    area, ask_before, filter, pro_required,
    schema::AnyPage,
    segment,
};
use crate::{
    AppState,
    auth::{Authenticated, UseOrganization},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
    parameters::{Query, Reader},
};

/// Contacts of a page at most; people-api has no limit.
const LARGEST_PAGE: u32 = 1_000;
const USUAL_PAGE: u32 = 50;

struct PageRequest {
    page: u32,
    page_size: u32,
    search: Option<String>,
    segment: Option<String>,
}

impl PageRequest {
    fn read(query: &mut Reader) -> Self {
        Self {
            page: query.within("page", 1, i32::MAX.unsigned_abs()).unwrap_or(1),
            page_size: query.within("resultsPerPage", 1, LARGEST_PAGE).unwrap_or(USUAL_PAGE),
            search: query.text("search"),
            segment: query.text("segment"),
        }
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
        Errors<(Authenticated, UseOrganization, Query, NotPaid, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Authenticated,
    UseOrganization(active): UseOrganization,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let request = query.read(PageRequest::read)?;
    if request.search.is_some() && !active.may_search() {
        return Err(pro_required("Search is only available for pro campaigns"));
    }
    match active.holder() {
        Holder::Campaign(_) => page::<Win>(&state, &*state.people, &active, &request).await,
        Holder::ElectedOffice(_) => page::<Serve>(&state, &*state.people, &active, &request).await,
    }
}

async fn page<P: Shown>(
    state: &AppState,
    people: &dyn ContactsOf<P>,
    active: &ActiveOrganization,
    request: &PageRequest,
) -> Result<HttpResponse, ApiError> {
    let segment = segment(request.segment.as_deref())?;
    let asked = ask_before(state, active, segment).await?;
    let filter = filter::<P>(segment, &asked)?;
    let district = area::district(state, active, &asked.electorate).await?;
    let query = PageQuery {
        district: &district,
        filter: &filter,
        search: request.search.as_deref(),
        page: request.page,
        page_size: request.page_size,
    };
    let failed = |error| ApiError::upstream("Failed to fetch from people API", error);
    let page = people.page(query).await.map_err(failed)?;
    Ok(HttpResponse::Ok().json(PageAnswer::from(page)))
}
