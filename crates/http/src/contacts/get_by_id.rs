//! `GET /v1/contacts/:id`.

use actix_web::{HttpResponse, web::Data};
use uuid::Uuid;
use winserve_domain::{
    contacts::{ContactsError, ContactsOf, Serve, Win},
    organizations::{ActiveOrganization, Holder},
    saved_filters::Segment,
};

use super::{answers::Shown, area, ask_before, schema::AnyContact};
use crate::{
    AppState,
    auth::{Authenticated, UseOrganization},
    error::{ApiError, ErrorCode},
    openapi::{Errors, OrganizationHeader},
    parameters::PathText,
    validation::{Issue, PathItem},
};

/// Length of a UUID with its hyphens: its other spellings are none here.
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
        Errors<(Authenticated, UseOrganization, PathText, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Authenticated,
    UseOrganization(active): UseOrganization,
    PathText(id): PathText,
) -> Result<HttpResponse, ApiError> {
    let id = id_of(&id)?;
    match active.holder() {
        Holder::Campaign(_) => contact::<Win>(&state, &*state.people, &active, &id).await,
        Holder::ElectedOffice(_) => contact::<Serve>(&state, &*state.people, &active, &id).await,
    }
}

fn id_of(text: &str) -> Result<String, ApiError> {
    let id = Uuid::try_parse(text).ok().filter(|_| text.len() == UUID_LENGTH);
    id.map(|id| id.to_string()).ok_or_else(|| {
        let path = [PathItem::Key("id".to_owned())];
        ApiError::invalid(vec![Issue::invalid_string(&path, "uuid", "Invalid uuid")])
    })
}

async fn contact<P: Shown>(
    state: &AppState,
    people: &dyn ContactsOf<P>,
    active: &ActiveOrganization,
    id: &str,
) -> Result<HttpResponse, ApiError> {
    let asked = ask_before(state, active, Segment::All).await?;
    let district = area::district(state, active, &asked.electorate).await?;
    let failed = |error| ApiError::upstream("Failed to fetch person from people API", error);
    let contact = people.contact(&district, id).await.map_err(failed)?;
    let none = || ApiError::client(ErrorCode::NotFound, "Person not found");
    Ok(HttpResponse::Ok().json(P::Answer::from(contact.ok_or_else(none)?)))
}
