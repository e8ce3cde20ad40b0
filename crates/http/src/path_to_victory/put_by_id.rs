//! `PUT /v1/path-to-victory/:id`.

use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use winserve_domain::campaigns::{
    self, Author, CampaignChange, UpdateCampaignError, campaign_json::keys,
};

use super::{goals_id, goals_of};
use crate::{
    AppState,
    auth::Machine,
    body::{JsonBody, typed},
    campaigns::PathToVictoryAnswer,
    error::ApiError,
    openapi::{Errors, body_schema},
    parameters::PathText,
    validation::{Rule, Shape, Unknown, check},
};

const BODY: Shape = Shape {
    required: &["data"],
    fields: &[("data", Rule::Object(&GOALS))],
    unknown: Unknown::Strip,
};

/// Keys of voter goals (legacy contract §2.3); null is not allowed.
const GOALS: Shape = Shape {
    required: &[],
    fields: &[
        (keys::ELECTION_TYPE, Rule::Text),
        (keys::ELECTION_LOCATION, Rule::Text),
        ("districtId", Rule::Text),
        (keys::DISTRICT_MANUALLY_SET, Rule::Boolean),
        ("p2vStatus", Rule::OneOf(&["Complete", "Waiting", "Failed", "DistrictMatched"])),
        ("p2vAttempts", Rule::Number),
        ("p2vCompleteDate", Rule::Text),
        ("completedBy", Rule::Number),
        ("p2vNotNeeded", Rule::Boolean),
        ("projectedTurnout", Rule::Number),
        ("winNumber", Rule::Number),
        ("voterContactGoal", Rule::Number),
        ("source", Rule::OneOf(&["GpApi", "ElectionApi"])),
        ("officeContextFingerprint", Rule::Text),
        ("viability", Rule::Record),
        ("totalRegisteredVoters", Rule::Number),
        ("republicans", Rule::Number),
        ("democrats", Rule::Number),
        ("indies", Rule::Number),
        ("women", Rule::Number),
        ("men", Rule::Number),
        ("white", Rule::Number),
        ("asian", Rule::Number),
        ("africanAmerican", Rule::Number),
        ("hispanic", Rule::Number),
        ("averageTurnout", Rule::Number),
        ("voteGoal", Rule::Any),
        ("voterProjection", Rule::Any),
        ("budgetLow", Rule::Any),
        ("budgetHigh", Rule::Any),
        ("voterMap", Rule::Any),
        ("finalVotes", Rule::Any),
        ("allAvailVoters", Rule::Any),
        ("availVotersTo35", Rule::Any),
        ("p2vComplete", Rule::Any),
    ],
    unknown: Unknown::Refuse,
};

#[derive(Deserialize)]
struct Body {
    data: Map<String, Value>,
}

body_schema!(Body, "PathToVictoryChange", BODY);

/// Changes voter goals, for machines.
#[utoipa::path(
    put,
    path = "/v1/path-to-victory/{id}",
    tag = "Voter goals",
    security(("machine" = [])),
    params(("id" = i32, Path, description = "The voter goals")),
    request_body = Body,
    responses(
        (status = 200, description = "The voter goals as changed", body = PathToVictoryAnswer),
        Errors<(Machine, PathText, JsonBody, UpdateCampaignError)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    PathText(id): PathText,
    JsonBody(body): JsonBody,
) -> Result<Json<PathToVictoryAnswer>, ApiError> {
    let id = goals_id(&id)?;
    let Body { data } = typed(check(body, &BODY)?)?;
    let change = CampaignChange { path_to_victory: Some(data), ..CampaignChange::default() };
    let campaign = campaigns::update(&state.ports, Author::MachineOfGoals(id), change).await?;
    goals_of(campaign).map(Json)
}
