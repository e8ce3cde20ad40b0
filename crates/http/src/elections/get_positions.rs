//! `GET /v1/elections/positions`: the office picker.

use actix_web::web::{Data, Json};
use chrono::{Months, NaiveDate};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use winserve_domain::positions::{
    self, ElectionUnavailable, FoundPosition, OfficeLevel, PositionSearch,
};

use crate::{
    AppState,
    auth::RequireLogin,
    error::ApiError,
    openapi::Errors,
    parameters::{Query, Reader},
    validation::Issue,
};

/// Default length of the searched period.
const AHEAD: Months = Months::new(24);
/// Shorter names match thousands of positions.
const SHORTEST_NAME: usize = 3;

/// A position with one of its elections; unknown values are null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FoundPosition)]
pub(crate) struct Item {
    /// The value for `positionId`.
    position_id: String,
    name: Option<String>,
    /// For example `City`.
    level: Option<String>,
    state: Option<String>,
    election_date: Option<NaiveDate>,
    city: Option<String>,
    district: Option<String>,
}

impl From<FoundPosition> for Item {
    fn from(found: FoundPosition) -> Self {
        let FoundPosition { id, name, level, state, election_day, city, district } = found;
        let position_id = id.as_str().to_owned();
        Self { position_id, name, level, state, election_date: election_day, city, district }
    }
}

/// Lists positions with their elections, by election day and name.
#[utoipa::path(
    get,
    path = "/v1/elections/positions",
    tag = "Elections",
    security(("session" = []), ("cookie" = [])),
    params(
        ("zip" = Option<String>, Query, description = "A five-digit ZIP code; this or `name` is required"),
        ("name" = Option<String>, Query, description = "A part of the name, at least three letters"),
        ("level" = Option<String>, Query, description = "`LOCAL` (cities and townships included), `COUNTY` (regions included), `STATE`, `FEDERAL` or `JUDICIAL`"),
        ("from" = Option<String>, Query, description = "The first election day, `YYYY-MM-DD`; without it, today"),
        ("to" = Option<String>, Query, description = "The last election day; without it, two years after the first or after today, whichever is later")
    ),
    responses(
        (status = 200, description = "The positions, once per election", body = Vec<Item>),
        Errors<(RequireLogin, Query, ElectionUnavailable)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: RequireLogin,
    query: Query,
) -> Result<Json<Vec<Item>>, ApiError> {
    let today = state.ports.now().date_naive();
    let search = query.read(|query| search(query, today))?;
    let found = positions::search(&state.ports, &search).await;
    let found = found
        .map_err(|error| ApiError::upstream("Election API GET positions/search failed", error))?;
    Ok(Json(found.into_iter().map(Item::from).collect()))
}

fn search(query: &mut Reader, today: NaiveDate) -> PositionSearch {
    let zip = query.zip("zip");
    let name = query.text("name").map(|name| name.trim().to_owned());
    let is_searchable = |name: &String| name.chars().count() >= SHORTEST_NAME;
    if zip.is_none() && !name.as_ref().is_some_and(is_searchable) {
        let message = "Name a zip, or three letters of a name".to_owned();
        query.refuse(Issue::new("custom", &[], message, Value::Null));
    }
    let level = query.option_in_capitals("level", &OfficeLevel::GROUPS);
    let levels = level.map_or(Vec::new(), |level| OfficeLevel::of_group(&level).to_vec());
    let from = query.date("from").unwrap_or(today);
    let to = query.date("to");
    let to = to.or_else(|| from.max(today).checked_add_months(AHEAD)).unwrap_or(NaiveDate::MAX);
    PositionSearch { zip, name: name.filter(|name| !name.is_empty()), levels, from, to, today }
}
