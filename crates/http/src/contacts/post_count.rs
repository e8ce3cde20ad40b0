//! `POST /v1/contacts/count`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::contacts::{self, ContactsError};

use super::{NOT_COUNTED, NotPaid, refusal};
use crate::{
    AppState,
    auth::{RequireLogin, UseOrganization},
    body::JsonBody,
    error::ApiError,
    openapi::{Errors, OrganizationHeader},
    saved_filters,
};

/// Number of contacts.
#[derive(Serialize, ToSchema)]
#[schema(as = ContactCount)]
pub(crate) struct CountAnswer {
    count: i64,
}

/// Counts the voters of the organization's district that an unsaved filter selects. Like saving a filter, it
/// requires an office or a paying campaign.
#[utoipa::path(
    post,
    path = "/v1/contacts/count",
    tag = "Contacts",
    security(("session" = []), ("cookie" = [])),
    params(OrganizationHeader),
    request_body = saved_filters::Body,
    responses(
        (status = 200, description = "The number", body = CountAnswer),
        Errors<(RequireLogin, UseOrganization, JsonBody, NotPaid, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    UseOrganization(active): UseOrganization,
    JsonBody(body): JsonBody,
) -> Result<Json<CountAnswer>, ApiError> {
    contacts::require_search(&active).map_err(|error| refusal(error, NOT_COUNTED))?;
    let filter = saved_filters::content(&active, body)?;
    let count = contacts::count(&state.ports, &active, &filter).await;
    Ok(Json(CountAnswer { count: count.map_err(|error| refusal(error, NOT_COUNTED))? }))
}
