//! `GET /v1/campaigns/list`, for machines.

use actix_web::web::{Data, Json};
use winserve_domain::{
    base::{MachineFilter, UserId},
    campaigns,
};

use super::MachineCampaignAnswer;
use crate::{
    AppState,
    auth::Machine,
    error::ApiError,
    machine_lists::{Columns, PageAnswer, page_parameters, read_page},
    openapi::{Errors, JsonList},
    parameters::Query,
};

const COLUMNS: &Columns = &[
    ("id", "id"),
    ("createdAt", "created_at"),
    ("updatedAt", "updated_at"),
    ("slug", "slug"),
    ("isActive", "is_active"),
    ("isVerified", "is_verified"),
    ("isPro", "is_pro"),
    ("isDemo", "is_demo"),
    ("didWin", "did_win"),
    ("dateVerified", "date_verified"),
    ("tier", "tier"),
    ("formattedAddress", "formatted_address"),
    ("placeId", "place_id"),
    ("userId", "user_id"),
    ("canDownloadFederal", "can_download_federal"),
    ("hasFreeTextsOffer", "has_free_texts_offer"),
    ("freeTextsOfferRedeemedAt", "free_texts_offer_redeemed_at"),
];

page_parameters!(Sorted, COLUMNS);

/// Lists all campaigns by page, for machines.
#[utoipa::path(
    get,
    path = "/v1/campaigns/list",
    tag = "Campaigns",
    security(("machine" = [])),
    params(
        ("userId" = Option<i32>, Query, description = "Only those of this user"),
        ("slug" = Option<String>, Query, description = "Only the campaign with this slug"),
        Sorted
    ),
    responses(
        (status = 200, description = "The page", body = PageAnswer<MachineCampaignAnswer>),
        Errors<(Machine, Query, JsonList)>
    )
)]
pub(crate) async fn handler(
    state: Data<AppState>,
    _: Machine,
    query: Query,
) -> Result<Json<PageAnswer<MachineCampaignAnswer>>, ApiError> {
    let (page, filter) = query.read(|query| {
        let filter = MachineFilter {
            user_id: query.integer("userId").map(UserId),
            slug: query.text("slug"),
        };
        (read_page(query, COLUMNS), filter)
    })?;
    let (campaigns, total) = campaigns::page(&state.ports, filter, page).await?;
    let data = campaigns.into_iter().map(MachineCampaignAnswer::from).collect();
    Ok(Json(PageAnswer::new(data, total, page)))
}
