//! `GET /v1/path-to-victory/:id`.

use actix_web::web::{Data, Json};
use winserve_domain::use_cases;

use super::{goals_id, goals_of};
use crate::{
    AppState, auth::Machine, campaigns::PathToVictoryAnswer, error::ApiError, parameters::PathText,
};

pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    PathText(id): PathText,
) -> Result<Json<PathToVictoryAnswer>, ApiError> {
    let id = goals_id(&id)?;
    let campaign = state
        .database
        .read("path_to_victory.find", move |uow| use_cases::read_campaign_of_goals(uow, id))
        .await?;
    goals_of(campaign.ok_or_else(ApiError::record_not_found)?).map(Json)
}
