//! Completes an office that is not in the tables yet: from before phase 1, or with a campaign that
//! another service has changed since.

use chrono::{DateTime, Utc};

use crate::{
    base::StoreError,
    campaigns::{Campaign, adopt_json},
    database::{Feature, UnitOfWork},
    offices::{
        ElectedOffice,
        elected_office::shown_position,
        from_campaign::{link_of_winner, organization_of, verified},
    },
    organizations::RequestKey,
    positions::{BallotPosition, Facts, PositionId, PositionLink},
};

/// Another service's changes to the campaign that an office was won with come before a write of the
/// office.
pub(crate) fn adopt_campaign_of(
    uow: &mut dyn UnitOfWork,
    office: &ElectedOffice,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if office.wants_repair
        && let Some(campaign) = office.campaign
        && !adopt_json(uow, campaign, facts, now)?
    {
        // An office that was won with the campaign is locked: maybe this one.
        uow.elected_offices().link_when_free(&office.id)?;
    }
    Ok(())
}

/// The campaign from which an office from before phase 1 is completed, locked before the office:
/// always in this order.
pub(super) fn lock_campaign_of_incomplete(
    uow: &mut dyn UnitOfWork,
    office: &ElectedOffice,
) -> Result<Option<Campaign>, StoreError> {
    match office.campaign {
        Some(campaign)
            if office.organization_id.is_none() && uow.offers(Feature::Organizations) =>
        {
            uow.campaigns().find_for_update(campaign)
        }
        _ => Ok(None),
    }
}

/// The source of position and district for an office from before phase 1.
#[derive(Clone, Copy)]
pub(super) struct WonWith<'a> {
    /// The campaign it was won with, locked.
    pub(super) campaign: &'a Campaign,
    /// Whether it is the campaign's oldest office: the one that a repeated win finds.
    pub(super) is_oldest: bool,
    /// What is known about the campaign's position.
    pub(super) facts: &'a Facts,
}

/// Gives an office from before phase 1 its organization, position and district, as if it were won
/// now (design §3: "completed first").
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
        // Its campaign was deleted, so its office is unknown.
        let own = PositionId::CustomOfOffice(office.id.clone());
        let position = BallotPosition::unknown(own);
        let position = uow.position_links().settle(position, &Facts::Unverified, now)?;
        (PositionLink::new(position, None, false), None)
    };
    let organization = uow.elected_offices().complete(&office, &link, request.as_ref(), now)?;
    office.organization_id = Some(organization);
    office.position = shown_position(&office, &link);
    Ok(office)
}
