//! Campaigns of anybody, for admins (legacy contract §5.1).

use crate::campaigns::draft::shown;
use crate::{
    base::StoreError,
    campaigns::{Campaign, CampaignFilter, ListedCampaign},
    database::UnitOfWork,
};

/// The campaign with this slug as clients see it; `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub fn read_campaign_by_slug(
    uow: &mut dyn UnitOfWork,
    slug: &str,
) -> Result<Option<Campaign>, StoreError> {
    let Some(campaign) = uow.campaigns().find_by_slug(slug)? else { return Ok(None) };
    Ok(Some(shown(campaign)))
}

/// The campaigns that a filter leaves, as clients see them, by id.
///
/// # Errors
/// [`StoreError`].
pub fn list_campaigns(
    uow: &mut dyn UnitOfWork,
    filter: &CampaignFilter,
) -> Result<Vec<ListedCampaign>, StoreError> {
    let listed = uow.campaigns().list(filter)?;
    let show = |ListedCampaign { campaign, owner }| {
        Ok(ListedCampaign { campaign: shown(campaign), owner })
    };
    listed.into_iter().map(show).collect()
}
