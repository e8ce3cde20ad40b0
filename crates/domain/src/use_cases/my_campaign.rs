//! Reading and changing "my campaign" (legacy contract §3.3).

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::{
    campaign::{Campaign, CampaignChange},
    id::UserId,
    json_merge::merge_replacing,
    legacy_view,
    position::{Facts, PositionLink},
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
    let Some(campaign) = uow.campaigns().find_newest_of(owner)? else { return Ok(None) };
    shown_with_organization(uow, campaign).map(Some)
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
    /// What is known of the position that the change picks.
    pub facts: Facts,
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

/// Merges a change into a campaign and its voter goals, in every store or in none, and returns the
/// campaign as clients see it.
///
/// Another office takes its own district, drops the override and takes or drops the race's dates
/// (design §3, "changing the office"); rewording a typed-in office does not, and an unrelated
/// change touches neither position nor district.
///
/// # Errors
/// See [`UpdateCampaignError`].
pub fn update_campaign(
    uow: &mut dyn UnitOfWork,
    command: UpdateCampaign,
    now: DateTime<Utc>,
) -> Result<Campaign, UpdateCampaignError> {
    let UpdateCampaign { caller, slug, change, facts } = command;
    if change.can_download_federal == Some(true) && !caller.is_admin {
        return Err(UpdateCampaignError::FederalDataForbidden);
    }
    let mut campaign = lock_target(uow, caller, slug.as_deref())?;
    let before = link_in_json(&campaign);
    let touches_campaign = change.touches_campaign();
    let details_patch = change.details.clone().unwrap_or_default();
    let goals_before = campaign.path_to_victory.as_ref().map(|goals| goals.data.clone());
    let mut goals = goals_before.clone();
    let touches_goals = merge_goals(&mut goals, change.path_to_victory.clone());
    apply(&mut campaign, change);

    let after = legacy_view::decode(campaign.id, &campaign.details, goals.as_ref()).link;
    let is_verified = facts.of(&after.position.id).is_some();
    let link = if after.position.id != before.position.id {
        let position = uow.position_links().settle(after.position, &facts, now)?;
        let link = PositionLink::new(position, None, false);
        legacy_view::store_district(&link, &mut goals);
        legacy_view::drop_former_race(&mut campaign.details, &details_patch);
        Some(link)
    } else if after != before || is_verified {
        // An answer of election-api counts for the office that the holder had already, too: the
        // first pick may have gone without.
        let has_own = after.district_override.is_some();
        let position = uow.position_links().settle(after.position, &facts, now)?;
        let manual = after.district_manually_set;
        let link = PositionLink::new(position, after.district_override, manual);
        if is_verified && !has_own {
            legacy_view::store_district(&link, &mut goals);
        }
        Some(link)
    } else {
        None
    };

    if touches_campaign {
        campaign.updated_at = now;
        uow.campaigns().update(&campaign)?;
    }
    if touches_goals || goals != goals_before {
        write_goals(uow, &mut campaign, goals, now)?;
    }
    campaign.organization_id = match link {
        Some(link) => uow.position_links().set_of_campaign(&campaign, &link, now)?,
        None => uow.position_links().organization_of_campaign(campaign.id)?,
    };
    Ok(shown(uow, campaign)?)
}

/// What the stored JSON says: the source that writes compare with in every phase that has it.
fn link_in_json(campaign: &Campaign) -> PositionLink {
    let goals = campaign.path_to_victory.as_ref().map(|goals| &goals.data);
    legacy_view::decode(campaign.id, &campaign.details, goals).link
}

fn lock_target(
    uow: &mut dyn UnitOfWork,
    caller: Caller,
    slug: Option<&str>,
) -> Result<Campaign, UpdateCampaignError> {
    match slug {
        Some(slug) if caller.is_staff => {
            uow.campaigns().find_by_slug_for_update(slug)?.ok_or(UpdateCampaignError::UnknownSlug)
        }
        _ => uow
            .campaigns()
            .find_newest_of_for_update(caller.id)?
            .ok_or(UpdateCampaignError::NoCampaign),
    }
}

fn apply(campaign: &mut Campaign, change: CampaignChange) {
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
}

/// Whether there was anything to merge: an empty patch neither changes voter goals nor creates them.
fn merge_goals(goals: &mut Option<Value>, patch: Option<Map<String, Value>>) -> bool {
    let Some(patch) = patch.filter(|patch| !patch.is_empty()) else { return false };
    merge_replacing(goals.get_or_insert_with(|| Value::Object(Map::new())), patch, &[]);
    true
}

fn write_goals(
    uow: &mut dyn UnitOfWork,
    campaign: &mut Campaign,
    data: Option<Value>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(data) = data else { return Ok(()) };
    if let Some(goals) = &mut campaign.path_to_victory {
        goals.data = data;
        goals.updated_at = now;
        return uow.campaigns().update_path_to_victory(goals);
    }
    campaign.path_to_victory =
        Some(uow.campaigns().insert_path_to_victory(campaign.id, data, now)?);
    Ok(())
}

pub(super) fn shown(uow: &mut dyn UnitOfWork, campaign: Campaign) -> Result<Campaign, StoreError> {
    let link = uow.position_links().of_campaign(&campaign)?;
    Ok(legacy_view::show(&link, campaign))
}

/// The campaign as clients see it, with its organization.
pub(super) fn shown_with_organization(
    uow: &mut dyn UnitOfWork,
    mut campaign: Campaign,
) -> Result<Campaign, StoreError> {
    campaign.organization_id = uow.position_links().organization_of_campaign(campaign.id)?;
    shown(uow, campaign)
}
