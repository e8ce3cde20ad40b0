//! What machines read (legacy contract §5.1, §5.4).

use crate::campaigns::draft::shown;
use crate::{
    base::{CampaignId, MachineFilter, Page, PathToVictoryId, StoreError},
    campaigns::Campaign,
    database::UnitOfWork,
};

/// The campaign with this id as clients see it; `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub fn read_campaign(
    uow: &mut dyn UnitOfWork,
    id: CampaignId,
) -> Result<Option<Campaign>, StoreError> {
    let Some(campaign) = uow.campaigns().find(id)? else { return Ok(None) };
    Ok(Some(shown(campaign)))
}

/// The campaign that has these voter goals, as clients see it; `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub fn read_campaign_of_goals(
    uow: &mut dyn UnitOfWork,
    goals: PathToVictoryId,
) -> Result<Option<Campaign>, StoreError> {
    let Some(campaign) = uow.campaigns().find_of_goals(goals)? else { return Ok(None) };
    Ok(Some(shown(campaign)))
}

/// A page of campaigns as clients see them, and how many there are.
///
/// # Errors
/// [`StoreError`].
pub fn page_of_campaigns(
    uow: &mut dyn UnitOfWork,
    filter: &MachineFilter,
    page: Page,
) -> Result<(Vec<Campaign>, i64), StoreError> {
    let (campaigns, total) = uow.campaigns().page(filter, page)?;
    Ok((all_shown(campaigns), total))
}

/// A page of voter goals with their campaigns, as clients see them, and how many there are.
///
/// # Errors
/// [`StoreError`].
pub fn page_of_goals(
    uow: &mut dyn UnitOfWork,
    page: Page,
) -> Result<(Vec<Campaign>, i64), StoreError> {
    let (campaigns, total) = uow.campaigns().page_of_goals(page)?;
    Ok((all_shown(campaigns), total))
}

fn all_shown(campaigns: Vec<Campaign>) -> Vec<Campaign> {
    campaigns.into_iter().map(shown).collect()
}
