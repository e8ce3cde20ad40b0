//! The state before a change.

use crate::{
    base::StoreError,
    campaigns::{Campaign, adopt::from_latest_json, campaign_json},
    database::UnitOfWork,
    organizations::{OrganizationError, OrganizationItem},
    positions::{BallotPosition, PositionId, PositionLink},
};

/// Office and district of an organization before a change.
pub(super) struct Former {
    /// The link from the store that is authoritative in the phase.
    pub(super) link: PositionLink,
    /// The position without a chosen office: a typed-in office starts from it.
    pub(super) without_office: BallotPosition,
}

impl Former {
    pub(super) fn of(
        uow: &mut dyn UnitOfWork,
        item: &OrganizationItem,
    ) -> Result<Self, OrganizationError> {
        let campaign = match &item.campaign {
            Some(campaign) => uow.campaigns().find(campaign.id)?,
            None => None,
        };
        match campaign {
            Some(campaign) => {
                let campaign = from_latest_json(uow, campaign)?;
                Ok(Self::of_campaign(uow, item, &campaign)?)
            }
            None => Self::of_office(item),
        }
    }

    fn of_campaign(
        uow: &mut dyn UnitOfWork,
        item: &OrganizationItem,
        campaign: &Campaign,
    ) -> Result<Self, StoreError> {
        let held = uow.position_links().held_by_campaign(campaign)?;
        // The JSON words a shared position differently, and does not contain its district.
        let position = match &item.link {
            Some(stored)
                if stored.position.id == held.position.id
                    && stored.position.id.ballot_ready().is_some() =>
            {
                stored.position.clone()
            }
            _ => held.position,
        };
        // The zip code of a typed-in office is not in the JSON.
        let zip = position.zip.clone().filter(|_| position.id.ballot_ready().is_none());
        let unnamed = campaign_json::without_office(campaign.id, &campaign.details);
        Ok(Self {
            link: PositionLink::new(position, held.district_override, held.district_manually_set),
            without_office: BallotPosition { zip, ..unnamed },
        })
    }

    /// An office has no JSON: the places of a typed-in one are in its custom position.
    fn of_office(item: &OrganizationItem) -> Result<Self, OrganizationError> {
        let link = item.link.clone().ok_or(OrganizationError::NotFound)?;
        let office = item.elected_office.as_ref().ok_or(OrganizationError::NotFound)?;
        let own = BallotPosition::unknown(PositionId::CustomOfOffice(office.id.clone()));
        let without_office = match link.position.id {
            PositionId::BallotReady(_) => own,
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
                let BallotPosition { state, county, city, district, zip, .. } =
                    link.position.clone();
                BallotPosition { state, county, city, district, zip, ..own }
            }
        };
        Ok(Self { link, without_office })
    }
}
