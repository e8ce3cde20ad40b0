//! `GET /v1/organization-events`, for machines.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::organizations::{self, EventCursor, OrganizationError};

use super::EventAnswer;
use crate::{
    AppState,
    auth::Machine,
    error::ApiError,
    openapi::Errors,
    parameters::{Query, Reader},
    validation::{Issue, PathItem},
};

const USUAL_PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1000;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganizationEvents)]
pub(crate) struct Answer {
    events: Vec<EventAnswer>,
    /// The value for `after` in the next request; null as long as there has been no event.
    next: Option<String>,
}

/// Lists what happened to campaigns and offices, in the order in which it must be applied, for machines.
#[utoipa::path(
    get,
    path = "/v1/organization-events",
    tag = "Organizations",
    security(("machine" = [])),
    params(
        ("after" = Option<String>, Query, description = "The `next` of the last page, or an event's `id`; without it, the feed starts at the beginning"),
        ("limit" = Option<i32>, Query, description = "Maximum number of events; default 100", minimum = 1, maximum = 1000)
    ),
    responses(
        (status = 200, description = "The next events; none if the client has seen all", body = Answer),
        Errors<(Machine, Query, OrganizationError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    query: Query,
) -> Result<Json<Answer>, ApiError> {
    let (after, limit) = query.read_only(&["after", "limit"], |query| {
        let limit = query.within("limit", 1, LARGEST_PAGE).unwrap_or(USUAL_PAGE);
        (cursor(query), i64::from(limit))
    })?;
    let events = organizations::events(&state.ports, after, limit).await?;
    let next = events.last().map(|event| event.cursor).or(after).map(|cursor| cursor.to_string());
    Ok(Json(Answer { events: events.into_iter().map(EventAnswer::from).collect(), next }))
}

/// An empty text is treated as absent.
fn cursor(query: &mut Reader) -> Option<EventCursor> {
    let text = query.text("after")?;
    let cursor = EventCursor::parse(&text);
    if cursor.is_none() {
        let message = "Expected `next` or an `id` of an earlier answer";
        let path = [PathItem::Key("after".to_owned())];
        query.refuse(Issue::invalid_string(&path, "cursor", message));
    }
    cursor
}
