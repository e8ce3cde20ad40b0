//! `GET /v1/campaigns`.

use actix_web::web::{Data, Json};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use winserve_domain::{
    base::{CampaignId, UserId, unreadable},
    campaigns::{self, CampaignFilter, Days, ListedCampaign, Owner},
    positions::BallotLevel,
};

use super::BareCampaignAnswer;

use crate::{
    AppState,
    auth::Admin,
    error::ApiError,
    openapi::{Errors, JsonList},
    parameters::{Query, Reader},
};

/// The levels in the old list; BallotReady's other levels are refused.
const LEVELS: [&str; 5] = ["LOCAL", "CITY", "COUNTY", "STATE", "FEDERAL"];

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedCampaign)]
pub(crate) struct Item {
    #[serde(flatten)]
    campaign: BareCampaignAnswer,
    user: OwnerAnswer,
    path_to_victory: Option<Goals>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignOwner)]
struct OwnerAnswer {
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    email: String,
    #[schema(required)]
    meta_data: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedGoals)]
struct Goals {
    data: Value,
}

impl From<ListedCampaign> for Item {
    fn from(ListedCampaign { mut campaign, owner }: ListedCampaign) -> Self {
        let problem = campaign.problem().or_else(|| unreadable::problem(&owner.unreadable));
        let path_to_victory =
            campaign.path_to_victory.take().map(|goals| Goals { data: goals.data });
        let Owner { first_name, last_name, phone, email, meta_data, unreadable: _ } = owner;
        let user = OwnerAnswer { first_name, last_name, phone, email, meta_data };
        let campaign = BareCampaignAnswer { problem, ..campaign.into() };
        Self { campaign, user, path_to_victory }
    }
}

/// What describes `campaignStatus`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
#[schema(rename_all = "lowercase")]
enum Status {
    Active,
    Inactive,
}

fn filter(query: &mut Reader) -> CampaignFilter {
    let level = query.option_in_capitals("level", &LEVELS);
    let status = query.option("campaignStatus", &["active", "inactive"]);
    CampaignFilter {
        id: query.integer("id").map(CampaignId),
        user_id: query.integer("userId").map(UserId),
        email: query.text("email"),
        slug: query.text("slug"),
        state: query.state("state"),
        level: level.and_then(|level| BallotLevel::parse(&level)),
        is_active: status.map(|status| status == "active"),
        p2v_status: query.text("p2vStatus"),
        primary_election: Days {
            first: query.date("primaryElectionDateStart"),
            last: query.date("primaryElectionDateEnd"),
        },
        general_election: Days {
            first: query.date("generalElectionDateStart"),
            last: query.date("generalElectionDateEnd"),
        },
    }
}

/// Searches campaigns, for admins.
#[utoipa::path(
    get,
    path = "/v1/campaigns",
    tag = "Campaigns",
    security(("session" = []), ("cookie" = [])),
    params(
        ("id" = Option<i32>, Query, description = "The campaign"),
        ("userId" = Option<i32>, Query, description = "The owner"),
        ("email" = Option<String>, Query, description = "The owner's"),
        ("slug" = Option<String>, Query, description = "The slug"),
        ("state" = Option<String>, Query, description = "A state's code, in any case"),
        ("level" = Option<String>, Query, description = "`LOCAL`, `CITY`, `COUNTY`, `STATE` or `FEDERAL`, in any case"),
        ("campaignStatus" = inline(Option<Status>), Query, description = "Whether it is launched"),
        ("p2vStatus" = Option<String>, Query, description = "Of the voter goals"),
        ("primaryElectionDateStart" = Option<NaiveDate>, Query, description = "First day of the primary election"),
        ("primaryElectionDateEnd" = Option<NaiveDate>, Query, description = "Last day of the primary election"),
        ("generalElectionDateStart" = Option<NaiveDate>, Query, description = "First day of the general election"),
        ("generalElectionDateEnd" = Option<NaiveDate>, Query, description = "Last day of the general election")
    ),
    responses(
        (status = 200, description = "The campaigns that match every parameter, by id", body = Vec<Item>),
        Errors<(Admin, Query, JsonList)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Admin,
    query: Query,
) -> Result<Json<Vec<Item>>, ApiError> {
    let filter = query.read(filter)?;
    let campaigns = campaigns::list(&state.ports, filter).await?;
    Ok(Json(campaigns.into_iter().map(Item::from).collect()))
}
