//! Reads campaigns as clients see them (legacy contract §5.1, §5.4).

use crate::{
    Ports,
    base::{CampaignId, MachineFilter, Page, PathToVictoryId, StoreError},
    campaigns::{Campaign, CampaignFilter, ListedCampaign, draft::as_clients_see},
    organizations::ActiveCampaign,
};

/// The campaign that a request is about; `None` if it was deleted.
///
/// # Errors
/// [`StoreError`].
pub async fn find_mine(
    ports: &Ports,
    active: ActiveCampaign,
) -> Result<Option<Campaign>, StoreError> {
    ports
        .database
        .read("campaign.find_mine", move |uow| {
            Ok(uow.campaigns().find_active(active)?.map(as_clients_see))
        })
        .await
}

/// The campaign with this id; `None` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn find(ports: &Ports, id: CampaignId) -> Result<Option<Campaign>, StoreError> {
    ports
        .database
        .read("campaign.find", move |uow| Ok(uow.campaigns().find(id)?.map(as_clients_see)))
        .await
}

/// The campaign with this slug; `None` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn find_by_slug(ports: &Ports, slug: String) -> Result<Option<Campaign>, StoreError> {
    ports
        .database
        .read("campaign.find_by_slug", move |uow| {
            Ok(uow.campaigns().find_by_slug(&slug)?.map(as_clients_see))
        })
        .await
}

/// The campaign with these voter goals; `None` if there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn find_of_goals(
    ports: &Ports,
    goals: PathToVictoryId,
) -> Result<Option<Campaign>, StoreError> {
    ports
        .database
        .read("path_to_victory.find", move |uow| {
            Ok(uow.campaigns().find_of_goals(goals)?.map(as_clients_see))
        })
        .await
}

/// The campaigns that match a filter, by id.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    ports: &Ports,
    filter: CampaignFilter,
) -> Result<Vec<ListedCampaign>, StoreError> {
    let show = |ListedCampaign { campaign, owner }| ListedCampaign {
        campaign: as_clients_see(campaign),
        owner,
    };
    ports
        .database
        .read("campaign.list", move |uow| {
            Ok(uow.campaigns().list(&filter)?.into_iter().map(show).collect())
        })
        .await
}

/// A page of campaigns, and the total count.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    ports: &Ports,
    filter: MachineFilter,
    page: Page,
) -> Result<(Vec<Campaign>, i64), StoreError> {
    ports
        .database
        .read("campaign.page", move |uow| {
            let (campaigns, total) = uow.campaigns().page(&filter, page)?;
            Ok((all_as_clients_see(campaigns), total))
        })
        .await
}

/// A page of voter goals with their campaigns, and the total count.
///
/// # Errors
/// [`StoreError`].
pub async fn page_of_goals(ports: &Ports, page: Page) -> Result<(Vec<Campaign>, i64), StoreError> {
    ports
        .database
        .read("path_to_victory.page", move |uow| {
            let (campaigns, total) = uow.campaigns().page_of_goals(page)?;
            Ok((all_as_clients_see(campaigns), total))
        })
        .await
}

fn all_as_clients_see(campaigns: Vec<Campaign>) -> Vec<Campaign> {
    campaigns.into_iter().map(as_clients_see).collect()
}
