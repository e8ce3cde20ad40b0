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
    base::UserId,
    contacts::{self, ContactsError, ForProduct},
    organizations::ActiveOrganization,
};

use super::{NotPaid, downloads::TooManyDownloads, file_body, refusal};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
    parameters::{Query, Reader},
};

/// The page waits for this cookie to know that the download has started (upstreams §8).
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
        Errors<(RequireLogin, UseOrganization, Query, NotPaid, TooManyDownloads, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    RequireLogin(user): RequireLogin,
    UseOrganization(active): UseOrganization,
    query: Query,
    method: Method,
) -> Result<HttpResponse, ApiError> {
    let segment = query.read(|query: &mut Reader| query.text("segment"))?;
    if method == Method::HEAD {
        let segment = contacts::segment_to_download(&active, segment.as_deref());
        let segment = segment.map_err(download_refusal)?;
        let checked = contacts::check_download(&state.ports, &active, segment).await;
        return checked.map(|()| headers().finish()).map_err(download_refusal);
    }
    download_contacts(&state, user.id, &active, segment.as_deref()).await
}

/// Answers with the contacts of a segment as a file, which counts among the user's downloads; also for
/// servers that show pages.
///
/// # Errors
/// Why there is no file.
pub async fn download_contacts(
    state: &AppState,
    user: UserId,
    active: &ActiveOrganization,
    segment: Option<&str>,
) -> Result<HttpResponse, ApiError> {
    let segment = contacts::segment_to_download(active, segment).map_err(download_refusal)?;
    let running = state.downloads.begin(user)?;
    let file = contacts::download(&state.ports, active, segment).await;
    Ok(match file.map_err(download_refusal)? {
        ForProduct::Win(file) => headers().streaming(file_body::stream(file, running)),
        ForProduct::Serve(file) => headers().streaming(file_body::stream(file, running)),
    })
}

fn download_refusal(error: ContactsError) -> ApiError {
    refusal(error, "Failed to download contacts from people API")
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
