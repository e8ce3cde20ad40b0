//! `GET /v1/campaigns/list`, for machines.

use actix_web::web::{Data, Json};
use winserve_domain::{id::UserId, paging::MachineFilter, use_cases};

use super::MachineCampaignAnswer;
use crate::{
    AppState,
    auth::Machine,
    error::ApiError,
    machine_lists::{Columns, PageAnswer, read_page},
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
    let (campaigns, total) = state
        .database
        .read("campaign.page", move |uow| use_cases::page_of_campaigns(uow, &filter, page))
        .await?;
    let data = campaigns.into_iter().map(MachineCampaignAnswer::from).collect();
    Ok(Json(PageAnswer::new(data, total, page)))
}
