//! What another service wrote into the JSON of a campaign, brought into the tables.

use chrono::{DateTime, Utc};

use super::draft::Draft;
use crate::{
    id::CampaignId,
    position::{Facts, PositionLink},
    unit_of_work::{StoreError, UnitOfWork},
};

/// Makes the tables say what the JSON of a campaign says; the JSON stays as it is. A campaign that is
/// not there any more needs nothing.
///
/// Nobody is asked: a shared position that is not known yet is stored unverified, by the campaign's
/// word (design D6).
///
/// # Errors
/// [`StoreError`].
pub fn adopt_json(
    uow: &mut dyn UnitOfWork,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(campaign) = uow.campaigns().find_for_update(campaign)? else { return Ok(()) };
    let draft = Draft::of(campaign);
    let said = draft.link();
    let position = uow.position_links().settle(said.position, &Facts::Unverified, now)?;
    let link = PositionLink::new(position, said.district_override, said.district_manually_set);
    draft.save(uow, Some(&link), now).map(drop)
}
