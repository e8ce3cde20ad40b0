//! What staff can do with other users' campaigns (legacy contract §3.6).

pub(crate) mod delete_by_id;
pub(crate) mod post_campaign;
pub(crate) mod put_by_id;

use winserve_domain::base::CampaignId;

use crate::{error::ApiError, parameters::numeric_id};

/// The campaign in a path; a number outside the column's range cannot be a campaign's.
pub(crate) fn campaign_id(text: &str) -> Result<CampaignId, ApiError> {
    let id = i32::try_from(numeric_id(text)?);
    id.map(CampaignId).map_err(|_out_of_range| ApiError::record_not_found())
}
