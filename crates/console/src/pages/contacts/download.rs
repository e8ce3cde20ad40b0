//! `GET /app/o/{organization}/contacts/download`: a list as a file.

use actix_web::{HttpResponse, web::Data};
use winserve_http::{AppState, download_contacts};

use crate::{failure::Failure, form::Query, session::InOrganization};

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    Query(query): Query,
) -> Result<HttpResponse, Failure> {
    let user = page.of.visitor.user.user.id;
    Ok(download_contacts(&state, user, &page.active, query.filled("list")).await?)
}
