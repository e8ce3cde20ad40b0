//! `GET /v1/contacts/:id`.

use actix_web::{HttpResponse, web::Data};
use uuid::Uuid;
use winserve_domain::contacts::{self, Contact, ContactsError, ForProduct, Serve, Win};

use super::{answers::HasAnswer, refusal, schema::AnyContact};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    error::{ApiError, ErrorCode},
    openapi::{Errors, OrganizationHeader},
    parameters::PathText,
    validation::{Issue, PathItem},
};

/// Length of a UUID with hyphens: other spellings are not accepted here.
const UUID_LENGTH: usize = 36;

/// Returns a voter of the organization's district.
#[utoipa::path(
    get,
    path = "/v1/contacts/{id}",
    tag = "Contacts",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader, ("id" = String, Path, description = "A UUID, with hyphens")),
    responses(
        (status = 200, description = "The contact", body = AnyContact),
        Errors<(RequireLogin, UseOrganization, PathText, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
    PathText(id): PathText,
) -> Result<HttpResponse, ApiError> {
    let contact = contacts::find(&state.ports, &active, &id_of(&id)?).await;
    let failed = "Failed to fetch person from people API";
    match contact.map_err(|error| refusal(error, failed))? {
        Some(ForProduct::Win(contact)) => Ok(answer::<Win>(contact)),
        Some(ForProduct::Serve(contact)) => Ok(answer::<Serve>(contact)),
        None => Err(ApiError::client(ErrorCode::NotFound, "Person not found")),
    }
}

fn answer<P: HasAnswer>(contact: Contact<P>) -> HttpResponse {
    HttpResponse::Ok().json(P::Answer::from(contact))
}

fn id_of(text: &str) -> Result<String, ApiError> {
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == UUID_LENGTH);
    id.map(|id| id.to_string()).ok_or_else(|| {
        let path = [PathItem::Key("id".to_owned())];
        ApiError::invalid(vec![Issue::invalid_string(&path, "uuid", "Invalid uuid")])
    })
}
