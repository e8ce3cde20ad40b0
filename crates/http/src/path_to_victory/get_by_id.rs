//! `GET /v1/path-to-victory/:id`.

use actix_web::web::{Data, Json};
use winserve_domain::{base::StoreError, campaigns};

use super::{goals_id, goals_of};
use crate::{
    AppState, auth::Machine, campaigns::PathToVictoryAnswer, error::ApiError, openapi::Errors,
    parameters::PathText,
};

/// Returns voter goals, for machines.
#[utoipa::path(
    get,
    path = "/v1/path-to-victory/{id}",
    tag = "Voter goals",
    security(("machine" = [])),
    params(("id" = i32, Path, description = "The voter goals")),
    responses(
        (status = 200, description = "The voter goals", body = PathToVictoryAnswer),
        Errors<(Machine, PathText, StoreError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    PathText(id): PathText,
) -> Result<Json<PathToVictoryAnswer>, ApiError> {
    let campaign = campaigns::find_of_goals(&state.ports, goals_id(&id)?).await?;
    goals_of(campaign.ok_or_else(ApiError::record_not_found)?).map(Json)
}
