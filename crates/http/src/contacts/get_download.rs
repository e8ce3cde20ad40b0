//! `GET /v1/contacts/download`.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    cookie::{Cookie, SameSite, time::Duration},
    http::{
        Method,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    web::Data,
};
use winserve_domain::{
    contacts::{ContactsError, ContactsOf, Product, Serve, Win},
    organizations::{ActiveOrganization, Holder},
    saved_filters::Segment,
};

use super::{
    NotPaid, area, ask_before,
    downloads::{RunningDownload, TooManyDownloads},
    file_body, filter, pro_required, segment,
};
use crate::{
    AppState,
    auth::{Authenticated, UseOrganization},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
    parameters::{Query, Reader},
};

/// The page waits for this cookie, and then knows that the file is on its way (upstreams §8).
const STARTED: &str = "gp_download";

/// Downloads voters of the organization's district as a file; requires an office or a paying campaign. If the
/// connection is aborted, the file is incomplete.
#[utoipa::path(
    get,
    path = "/v1/contacts/download",
    tag = "Contacts",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader, ("segment" = Option<String>, Query, description = "`all`, `doorKnocking`, `directMail`, `texting`, `digitalAds`, `phoneBanking`, or the id of a saved filter")),
    responses(
        (
            status = 200, description = "UTF-8 with a byte order mark, one row per contact; for an elected office, without columns about political party",
            content_type = "text/csv", body = String
        ),
        Errors<(Authenticated, UseOrganization, Query, NotPaid, TooManyDownloads, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    Authenticated(user): Authenticated,
    UseOrganization(active): UseOrganization,
    query: Query,
    method: Method,
) -> Result<HttpResponse, ApiError> {
    let named = query.read(|query: &mut Reader| query.text("segment"))?;
    if !active.may_search() {
        return Err(pro_required("Campaign is not pro"));
    }
    let segment = segment(named.as_deref())?;
    let running = match method {
        Method::HEAD => None,
        _ => Some(state.downloads.begin(user.id)?),
    };
    match active.holder() {
        Holder::Campaign(_) => {
            download::<Win>(&state, &*state.people, &active, segment, running).await
        }
        Holder::ElectedOffice(_) => {
            download::<Serve>(&state, &*state.people, &active, segment, running).await
        }
    }
}

async fn download<P: Product>(
    state: &AppState,
    people: &dyn ContactsOf<P>,
    active: &ActiveOrganization,
    segment: Segment,
    running: Option<RunningDownload>,
) -> Result<HttpResponse, ApiError> {
    let asked = ask_before(state, active, segment).await?;
    let filter = filter::<P>(segment, &asked)?;
    let district = area::district(state, active, &asked.electorate).await?;
    let mut answer = headers();
    let Some(running) = running else { return Ok(answer.finish()) };
    let failed = |error| ApiError::upstream("Failed to download contacts from people API", error);
    let file = people.download(&district, filter).await.map_err(failed)?;
    Ok(answer.streaming(file_body::stream(file, running)))
}

fn headers() -> HttpResponseBuilder {
    let started = Cookie::build(STARTED, "1")
        .path("/")
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(30))
        .finish();
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"contacts.csv\""))
        .cookie(started);
    answer
}
