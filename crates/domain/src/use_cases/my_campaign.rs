//! Reading and changing "my campaign" (legacy contract §3.3).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    campaign::{Campaign, CampaignChange},
    id::UserId,
    json_merge::merge_replacing,
    legacy_view,
    unit_of_work::{StoreError, UnitOfWork},
    user::{Role, User},
};

/// Keys of `details` that an update replaces instead of merging (legacy contract §2.4).
const DETAILS_REPLACED_WHOLE: [&str; 2] = ["customIssues", "runningAgainst"];

/// Who asks, as far as rules depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub id: UserId,
    /// Roles admin and sales may name campaigns of others.
    pub is_staff: bool,
    /// Only the role admin may open statewide and federal data.
    pub is_admin: bool,
}

impl From<&User> for Caller {
    fn from(user: &User) -> Self {
        Self { id: user.id, is_staff: user.is_staff(), is_admin: user.has_role(Role::Admin) }
    }
}

/// The newest campaign of a user as clients see it; `None` when there is none.
///
/// # Errors
/// [`StoreError`].
pub fn read_my_campaign(
    uow: &mut dyn UnitOfWork,
    owner: UserId,
) -> Result<Option<Campaign>, StoreError> {
    let Some(campaign) = uow.campaigns().find_newest_of(owner)? else {
        return Ok(None);
    };
    shown(uow, campaign).map(Some)
}

/// A wanted change of one's own campaign or, by staff, of the one with the slug.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateCampaign {
    /// Who asks.
    pub caller: Caller,
    /// Staff: the campaign meant. Of anybody else it is ignored, as it always was.
    pub slug: Option<String>,
    /// What to change.
    pub change: CampaignChange,
}

/// Why [`update_campaign`] failed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateCampaignError {
    /// Only an admin may open statewide and federal data.
    #[error("only an admin may allow federal data")]
    FederalDataForbidden,
    /// The caller has no campaign.
    #[error("the caller has no campaign")]
    NoCampaign,
    /// No campaign has the slug that staff named.
    #[error("no campaign has the slug")]
    UnknownSlug,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Merges a change into a campaign and its voter goals, both or neither, and returns the campaign
/// as clients see it.
///
/// # Errors
/// See [`UpdateCampaignError`].
pub fn update_campaign(
    uow: &mut dyn UnitOfWork,
    command: UpdateCampaign,
    now: DateTime<Utc>,
) -> Result<Campaign, UpdateCampaignError> {
    if command.change.can_download_federal == Some(true) && !command.caller.is_admin {
        return Err(UpdateCampaignError::FederalDataForbidden);
    }
    let mut campaign = lock_target(uow, &command)?;
    let change = command.change;
    let goals_patch = change.path_to_victory.clone().filter(|patch| !patch.is_empty());
    if change.touches_campaign() {
        apply(&mut campaign, change, now);
        uow.campaigns().update(&campaign)?;
    }
    if let Some(patch) = goals_patch {
        merge_goals(uow, &mut campaign, patch, now)?;
    }
    Ok(shown(uow, campaign)?)
}

fn lock_target(
    uow: &mut dyn UnitOfWork,
    command: &UpdateCampaign,
) -> Result<Campaign, UpdateCampaignError> {
    match &command.slug {
        Some(slug) if command.caller.is_staff => {
            uow.campaigns().find_by_slug_for_update(slug)?.ok_or(UpdateCampaignError::UnknownSlug)
        }
        _ => uow
            .campaigns()
            .find_newest_of_for_update(command.caller.id)?
            .ok_or(UpdateCampaignError::NoCampaign),
    }
}

fn apply(campaign: &mut Campaign, change: CampaignChange, now: DateTime<Utc>) {
    let merges = [
        (&mut campaign.data, change.data, &[][..]),
        (&mut campaign.details, change.details, &DETAILS_REPLACED_WHOLE[..]),
        (&mut campaign.ai_content, change.ai_content, &[][..]),
    ];
    for (stored, patch, replaced_whole) in merges {
        if let Some(patch) = patch {
            merge_replacing(stored, patch, replaced_whole);
        }
    }
    if let Some(address) = change.formatted_address {
        campaign.formatted_address = address;
    }
    if let Some(place_id) = change.place_id {
        campaign.place_id = place_id;
    }
    if let Some(allowed) = change.can_download_federal {
        campaign.can_download_federal = allowed;
    }
    campaign.updated_at = now;
}

fn merge_goals(
    uow: &mut dyn UnitOfWork,
    campaign: &mut Campaign,
    patch: Map<String, Value>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if let Some(goals) = &mut campaign.path_to_victory {
        merge_replacing(&mut goals.data, patch, &[]);
        goals.updated_at = now;
        return uow.campaigns().update_path_to_victory(goals);
    }
    let goals = uow.campaigns().insert_path_to_victory(campaign.id, Value::Object(patch), now)?;
    campaign.path_to_victory = Some(goals);
    Ok(())
}

fn shown(uow: &mut dyn UnitOfWork, campaign: Campaign) -> Result<Campaign, StoreError> {
    let link = uow.position_links().of_campaign(&campaign)?;
    Ok(legacy_view::show(&link, campaign))
}
