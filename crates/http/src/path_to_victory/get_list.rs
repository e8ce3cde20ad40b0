//! `GET /v1/path-to-victory/list`.

use actix_web::web::{Data, Json};
use winserve_domain::campaigns;

use crate::{
    AppState,
    auth::Machine,
    campaigns::PathToVictoryAnswer,
    error::ApiError,
    machine_lists::{Columns, PageAnswer, page_parameters, read_page},
    openapi::{Errors, JsonList},
    parameters::Query,
};

const COLUMNS: &Columns = &[
    ("id", "id"),
    ("createdAt", "created_at"),
    ("updatedAt", "updated_at"),
    ("campaignId", "campaign_id"),
];

page_parameters!(Sorted, COLUMNS);

/// Lists all voter goals by page, for machines.
#[utoipa::path(
    get,
    path = "/v1/path-to-victory/list",
    tag = "Voter goals",
    security(("machine" = [])),
    params(Sorted),
    responses(
        (status = 200, description = "The page", body = PageAnswer<PathToVictoryAnswer>),
        Errors<(Machine, Query, JsonList)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    query: Query,
) -> Result<Json<PageAnswer<PathToVictoryAnswer>>, ApiError> {
    let page = query.read(|query| read_page(query, COLUMNS))?;
    let (campaigns, total) = campaigns::page_of_goals(&state.ports, page).await?;
    let goals = |mut campaign| PathToVictoryAnswer::take(&mut campaign);
    Ok(Json(PageAnswer::new(campaigns.into_iter().filter_map(goals).collect(), total, page)))
}
