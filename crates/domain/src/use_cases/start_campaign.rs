//! Starting a campaign (legacy contract §3.1).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::{
    campaign::{Campaign, NewCampaign},
    id::UserId,
    slug,
    unit_of_work::{StoreError, UnitOfWork},
};

/// Why [`start_first_campaign`] failed.
#[derive(Debug, thiserror::Error)]
pub enum StartCampaignError {
    /// The user is gone.
    #[error("there is no user {0}")]
    NoUser(UserId),
    /// The user has a campaign already.
    #[error("the user has a campaign")]
    AlreadyStarted,
    /// A hundred people of the same name have campaigns.
    #[error("no slug is left for the name")]
    NoSlugLeft,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Starts a user's first campaign: a fresh registration, without an office yet.
///
/// # Errors
/// See [`StartCampaignError`].
pub fn start_first_campaign(
    uow: &mut dyn UnitOfWork,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<Campaign, StartCampaignError> {
    // The lock lets parallel requests of one user in one by one.
    let user = uow.users().find_for_update(owner)?.ok_or(StartCampaignError::NoUser(owner))?;
    if uow.campaigns().find_newest_of(owner)?.is_some() {
        return Err(StartCampaignError::AlreadyStarted);
    }
    let candidates = slug::candidates(&user.full_name());
    let taken = uow.campaigns().taken_slugs(&candidates)?;
    let slug = candidates
        .into_iter()
        .find(|slug| !taken.contains(slug))
        .ok_or(StartCampaignError::NoSlugLeft)?;
    let details: Map<String, Value> =
        user.zip.map(|zip| ("zip".to_owned(), zip.into())).into_iter().collect();
    let campaign = NewCampaign {
        user_id: owner,
        data: json!({"slug": slug, "currentStep": "registration"}),
        slug,
        details: details.into(),
        created_at: now,
    };
    let mut campaign = uow.campaigns().insert(&campaign)?;
    campaign.organization_id = uow.position_links().organization_of_campaign(campaign.id)?;
    Ok(campaign)
}
