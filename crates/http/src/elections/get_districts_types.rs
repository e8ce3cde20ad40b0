//! `GET /v1/elections/districts/types`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::positions::{self, DistrictOption, ElectionUnavailable};

use super::read_scope;
use crate::{AppState, error::ApiError, openapi::Errors, parameters::Query};

/// A type, with the id of an arbitrary district of that type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DistrictType)]
pub(crate) struct Item {
    id: String,
    #[serde(rename = "L2DistrictType")]
    kind: String,
}

impl From<DistrictOption> for Item {
    fn from(option: DistrictOption) -> Self {
        Self { id: option.id.to_string(), kind: option.text }
    }
}

/// Lists the types of districts in a state, by name.
#[utoipa::path(
    get,
    path = "/v1/elections/districts/types",
    tag = "Elections",
    params(
        ("state" = String, Query, description = "A state's code, in any case"),
        ("electionYear" = i32, Query, description = "The year whose turnout matters"),
        ("excludeInvalid" = Option<String>, Query, description = "`false` or `0` also lists districts without turnout")
    ),
    responses(
        (status = 200, description = "The types, each with the id of a district of that type", body = Vec<Item>),
        Errors<(Query, ElectionUnavailable)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    query: Query,
) -> Result<Json<Vec<Item>>, ApiError> {
    let scope = query.read(read_scope)?;
    let types = positions::district_types(&state.ports, &scope).await;
    let types = types
        .map_err(|error| ApiError::upstream("Election API GET districts/types failed", error))?;
    Ok(Json(types.into_iter().map(Item::from).collect()))
}
