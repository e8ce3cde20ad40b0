//! Copies changes of another service to the tables.

use chrono::{DateTime, Utc};

use crate::campaigns::draft::Draft;
use crate::{
    base::{CampaignId, StoreError},
    campaigns::Campaign,
    database::UnitOfWork,
    migration::{LegacyChange, Taken},
    positions::Facts,
};

/// Result of adopting a recorded change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdoptedChange {
    /// The tables have the change, and its record is deleted.
    Settled,
    /// The campaign has changed since it was read, or it or a related row is locked; it stays
    /// recorded.
    NotYet,
}

/// Copies the recorded changes of a campaign to the tables and deletes the record. `facts` are
/// those of the position that the record was read with; if the campaign names another position now,
/// nothing is written.
///
/// # Errors
/// [`StoreError`].
pub fn adopt_change(
    uow: &mut dyn UnitOfWork,
    change: &LegacyChange,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<AdoptedChange, StoreError> {
    let LegacyChange { campaign, changes, .. } = *change;
    let taken = uow.legacy_changes().take(campaign)?;
    let is_settled = match taken {
        Taken::Settled => true,
        Taken::Noted(noted) if noted == changes => {
            adopt_json(uow, campaign, facts, now)?
                && uow.legacy_changes().forget(campaign, changes)?
        }
        Taken::Noted(_) | Taken::Held => false,
    };
    Ok(if is_settled { AdoptedChange::Settled } else { AdoptedChange::NotYet })
}

/// Makes the tables match the JSON of a campaign, and gives the offices that another service won
/// with it its position and district; the JSON stays unchanged. Returns whether this was complete:
/// `false` if one of the offices is locked. A deleted campaign needs nothing.
///
/// An unknown shared position is stored with the campaign's data, unless election-api has confirmed
/// its facts (design D6).
///
/// # Errors
/// [`StoreError`].
pub fn adopt_json(
    uow: &mut dyn UnitOfWork,
    campaign: CampaignId,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Some(campaign) = uow.campaigns().find_for_update(campaign)? else { return Ok(true) };
    let id = campaign.id;
    Draft::of(campaign).adopt(uow, facts, now)?;
    uow.elected_offices().link_to_campaign(id)
}

/// A campaign that was read, in the state from which a write begins.
pub(crate) fn from_latest_json(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
) -> Result<Campaign, StoreError> {
    if !campaign.wants_repair {
        return Ok(campaign);
    }
    Ok(uow.campaigns().find_from_json(campaign.id)?.unwrap_or(campaign))
}

/// A locked campaign whose tables match its JSON; a write begins with this.
pub(crate) fn adopted(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Campaign, StoreError> {
    if campaign.wants_repair { Draft::of(campaign).adopt(uow, facts, now) } else { Ok(campaign) }
}
