//! Copies changes of another service to the tables.

use chrono::{DateTime, Utc};

use crate::campaigns::draft::Draft;
use crate::{
    base::{CampaignId, StoreError},
    campaigns::Campaign,
    database::UnitOfWork,
    positions::Facts,
};

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
