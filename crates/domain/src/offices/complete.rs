//! Completing an office that the tables do not know yet: one of before phase 1, or one whose campaign another
//! service has changed since.

use chrono::{DateTime, Utc};

use crate::{
    base::StoreError,
    campaigns::{Campaign, adopt_json},
    database::{Feature, UnitOfWork},
    offices::{
        ElectedOffice,
        from_campaign::{link_of_winner, organization_of, verified},
    },
    organizations::RequestKey,
    positions::{BallotPosition, Facts, PositionId, PositionLink},
};

/// What another service changed of the campaign that an office was won with comes before a write of the office.
pub(crate) fn adopt_campaign_of(
    uow: &mut dyn UnitOfWork,
    office: &ElectedOffice,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if office.wants_repair
        && let Some(campaign) = office.campaign_id
        && !adopt_json(uow, campaign, facts, now)?
    {
        // Somebody holds an office that was won with the campaign: maybe this one.
        uow.elected_offices().link_when_free(&office.id)?;
    }
    Ok(())
}

/// The campaign that an office of before phase 1 is to be completed from, locked before the office:
/// always in this order.
pub(super) fn lock_campaign_of_incomplete(
    uow: &mut dyn UnitOfWork,
    office: &ElectedOffice,
) -> Result<Option<Campaign>, StoreError> {
    match office.campaign_id {
        Some(campaign)
            if office.organization_id.is_none() && uow.offers(Feature::Organizations) =>
        {
            uow.campaigns().find_for_update(campaign)
        }
        _ => Ok(None),
    }
}

/// Where an office of before phase 1 takes position and district from.
#[derive(Clone, Copy)]
pub(super) struct WonWith<'a> {
    /// The campaign it was won with, locked.
    pub(super) campaign: &'a Campaign,
    /// Whether it is the oldest office of the campaign: the one that a repeated win finds.
    pub(super) is_oldest: bool,
    /// What is known of the campaign's position.
    pub(super) facts: &'a Facts,
}

/// Gives an office of before phase 1 organization, position and district, as if it were won now
/// (design §3: "completed first").
pub(super) fn completed(
    uow: &mut dyn UnitOfWork,
    mut office: ElectedOffice,
    from: Option<WonWith<'_>>,
    now: DateTime<Utc>,
) -> Result<ElectedOffice, StoreError> {
    if office.organization_id.is_some() || !uow.offers(Feature::Organizations) {
        return Ok(office);
    }
    let (link, request) = if let Some(WonWith { campaign, is_oldest, facts }) = from {
        let campaign = verified(uow, campaign.clone(), facts, now)?;
        office.can_download_federal = campaign.can_download_federal;
        let link = link_of_winner(uow, &campaign, &office.id, facts, now)?;
        let organization = organization_of(uow, &campaign, facts, now)?;
        (link, organization.filter(|_| is_oldest).map(RequestKey::of_win))
    } else {
        // Its campaign is gone: nobody can tell any more which office it was.
        let own = PositionId::CustomOfOffice(office.id.clone());
        let position = BallotPosition::unknown(own);
        let position = uow.position_links().settle(position, &Facts::Unverified, now)?;
        (PositionLink::new(position, None, false), None)
    };
    let organization = uow.elected_offices().complete(&office, &link, request.as_ref(), now)?;
    office.organization_id = Some(organization);
    Ok(office)
}
