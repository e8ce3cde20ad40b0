//! `POST /v1/contacts/count`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    contacts::{ContactsError, ContactsOf, PageQuery, Product, Serve, Win},
    organizations::{ActiveOrganization, Holder},
    saved_filters::{FilterContent, SavedFilterError, Segment, VoterFilter as _},
};

use super::{NotPaid, area, ask_before, pro_required};
use crate::{
    AppState,
    auth::{Authenticated, UseOrganization},
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
        Errors<(Authenticated, UseOrganization, JsonBody, NotPaid, ContactsError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Authenticated,
    UseOrganization(active): UseOrganization,
    JsonBody(body): JsonBody,
) -> Result<Json<CountAnswer>, ApiError> {
    if !active.may_search() {
        return Err(pro_required("Campaign is not pro"));
    }
    let content = saved_filters::content(&active, body)?;
    let count = match active.holder() {
        Holder::Campaign(_) => count::<Win>(&state, &*state.people, &active, &content).await,
        Holder::ElectedOffice(_) => {
            let party = content.party();
            if !party.is_empty() {
                return Err(SavedFilterError::Party(party).into());
            }
            count::<Serve>(&state, &*state.people, &active, &content).await
        }
    };
    Ok(Json(CountAnswer { count: count? }))
}

async fn count<P: Product>(
    state: &AppState,
    people: &dyn ContactsOf<P>,
    active: &ActiveOrganization,
    content: &FilterContent,
) -> Result<i64, ApiError> {
    let filter = P::Filter::saved(content)?;
    let asked = ask_before(state, active, Segment::All).await?;
    let district = area::district(state, active, &asked.electorate).await?;
    let query =
        PageQuery { district: &district, filter: &filter, search: None, page: 1, page_size: 1 };
    let failed = |error| ApiError::upstream("Failed to count contacts with people API", error);
    Ok(people.page(query).await.map_err(failed)?.total_results)
}
