//! `GET /v1/elections/districts/names`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::positions::{self, DistrictOption, ElectionUnavailable};

use super::read_scope;
use crate::{AppState, error::ApiError, openapi::Errors, parameters::Query};

/// A district.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DistrictName)]
pub(crate) struct Item {
    id: String,
    #[serde(rename = "L2DistrictName")]
    name: String,
}

impl From<DistrictOption> for Item {
    fn from(option: DistrictOption) -> Self {
        Self { id: option.id.to_string(), name: option.text }
    }
}

/// Lists the districts of a type in a state, by name.
#[utoipa::path(
    get,
    path = "/v1/elections/districts/names",
    tag = "Elections",
    params(
        ("L2DistrictType" = String, Query, description = "The type"),
        ("state" = String, Query, description = "A state's code, in any case"),
        ("electionYear" = i32, Query, description = "The year whose turnout matters"),
        ("excludeInvalid" = Option<String>, Query, description = "`false` or `0` also lists districts without turnout")
    ),
    responses(
        (status = 200, description = "The districts", body = Vec<Item>),
        Errors<(Query, ElectionUnavailable)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    query: Query,
) -> Result<Json<Vec<Item>>, ApiError> {
    let (district_type, scope) =
        query.read(|query| (query.required_text("L2DistrictType"), read_scope(query)))?;
    let names = positions::district_names(&state.ports, &scope, &district_type).await;
    let names = names
        .map_err(|error| ApiError::upstream("Election API GET districts/names failed", error))?;
    Ok(Json(names.into_iter().map(Item::from).collect()))
}
