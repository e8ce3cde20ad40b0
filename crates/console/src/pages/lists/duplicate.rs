//! `POST /app/o/{organization}/lists/{list}/duplicate`.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use winserve_domain::saved_filters;
use winserve_http::AppState;

use super::{done::Done, named};
use crate::{failure::Failure, form::Submitted, page::see, session::InOrganization};

pub(crate) async fn duplicate(
    state: Data<AppState>,
    Submitted { by: page, .. }: Submitted<InOrganization>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    saved_filters::duplicate(&state.ports, page.active.clone(), named(&request)?).await?;
    Ok(see(&Done::Duplicated.lists(&page)))
}
