//! What another service changed, brought into the tables.

use chrono::{DateTime, Utc};

use crate::campaigns::draft::Draft;
use crate::{
    base::{CampaignId, StoreError},
    campaigns::Campaign,
    database::UnitOfWork,
    migration::{LegacyChange, Taken},
    positions::Facts,
};

/// What came of a change that was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdoptedChange {
    /// The tables say it, and the note is gone.
    Settled,
    /// The campaign has changed since it was read, or somebody holds it or what belongs to it: it stays noted.
    NotYet,
}

/// Brings what was noted of a campaign into the tables and removes the note. `facts` are those of the position
/// that the note was read with: where the campaign names another one by now, nothing is written.
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

/// Makes the tables say what the JSON of a campaign says, and gives the offices that another service won with it
/// its position and district; the JSON stays as it is. Returns whether that was all: `false` when somebody
/// holds one of the offices. A campaign that is not there any more needs nothing.
///
/// A shared position that is not known yet is stored by the campaign's word, unless election-api has stated
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

/// A campaign that was read, as a write will begin with it.
pub(crate) fn as_told(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
) -> Result<Campaign, StoreError> {
    if !campaign.wants_repair {
        return Ok(campaign);
    }
    Ok(uow.campaigns().find_as_told(campaign.id)?.unwrap_or(campaign))
}

/// A locked campaign whose tables say what its JSON says: a write begins with that.
pub(crate) fn adopted(
    uow: &mut dyn UnitOfWork,
    campaign: Campaign,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Campaign, StoreError> {
    if campaign.wants_repair { Draft::of(campaign).adopt(uow, facts, now) } else { Ok(campaign) }
}
