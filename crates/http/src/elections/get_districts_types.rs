//! `GET /v1/elections/districts/types`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use winserve_domain::election::DistrictOption;

use super::Scope;
use crate::{AppState, error::ApiError, parameters::Query};

/// A type, with the id of an arbitrary district of it.
#[derive(Debug, Serialize)]
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

pub(crate) async fn handler(
    state: Data<AppState>,
    query: Query,
) -> Result<Json<Vec<Item>>, ApiError> {
    let Scope { state: code, election_year, exclude_invalid } = query.read(Scope::read)?;
    let types = state.election.district_types(&code, election_year, exclude_invalid).await;
    let types = types
        .map_err(|error| ApiError::upstream("Election API GET districts/types failed", error))?;
    Ok(Json(types.into_iter().map(Item::from).collect()))
}
