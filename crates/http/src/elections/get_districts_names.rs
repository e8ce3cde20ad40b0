//! `GET /v1/elections/districts/names`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use winserve_domain::election::DistrictOption;

use super::Scope;
use crate::{AppState, error::ApiError, parameters::Query};

/// A district.
#[derive(Debug, Serialize)]
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

pub(crate) async fn handler(
    state: Data<AppState>,
    query: Query,
) -> Result<Json<Vec<Item>>, ApiError> {
    let (kind, Scope { state: code, election_year, exclude_invalid }) =
        query.read(|query| (query.required_text("L2DistrictType"), Scope::read(query)))?;
    let names = state.election.district_names(&code, &kind, election_year, exclude_invalid).await;
    let names = names
        .map_err(|error| ApiError::upstream("Election API GET districts/names failed", error))?;
    Ok(Json(names.into_iter().map(Item::from).collect()))
}
