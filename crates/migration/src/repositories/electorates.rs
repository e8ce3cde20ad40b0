//! Whose contacts an organization may see, before phase 2.

use diesel::prelude::*;
use winserve_domain::{
    base::StoreError,
    campaigns::{Campaign, Campaigns as _},
    offices::ElectedOffice,
    organizations::ActiveOrganization,
    positions::{BallotPosition, Electorate, Electorates, FoundDistrict, PositionId, PositionLink},
};
use winserve_persistence::{
    Limits,
    electorates::{PgElectorates, district_of_campaign},
};

use super::PhasedCampaigns;
use crate::phase::Phase;

/// The voters of holders in `legacy` and phase 1: those of campaigns are read from the JSON.
pub(crate) struct JsonElectorates<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) phase: Phase,
}

impl JsonElectorates<'_> {
    fn tables(&mut self) -> PgElectorates<'_> {
        PgElectorates { connection: self.connection }
    }

    fn campaigns(&mut self) -> PhasedCampaigns<'_> {
        PhasedCampaigns { connection: self.connection, phase: self.phase, limits: Limits::NONE }
    }

    /// From the JSON of the campaign; the district id and the source of the facts, which only
    /// tables can store, come from them.
    fn of_json(&mut self, campaign: &Campaign) -> Result<Electorate, StoreError> {
        let link = campaign.link();
        let (known, is_unverified) = if self.phase.has_tables() {
            district_of_campaign(self.connection, campaign.user_id, campaign.id)?
        } else {
            (None, false)
        };
        let electorate = Electorate::new(&link, is_unverified, campaign.can_download_federal)
            .with_known_id(known.as_ref());
        let has_none = campaign.details.is_null();
        Ok(if has_none { electorate.without_details() } else { electorate })
    }
}

impl Electorates for JsonElectorates<'_> {
    fn find(&mut self, of: &ActiveOrganization) -> Result<Option<Electorate>, StoreError> {
        if let Some(campaign) = of.campaign() {
            let campaign = self.campaigns().find_active(campaign)?;
            return campaign.map(|campaign| self.of_json(&campaign)).transpose();
        }
        if self.phase.has_tables() { self.tables().find(of) } else { Ok(None) }
    }

    fn of_office(&mut self, office: &ElectedOffice) -> Result<Option<Electorate>, StoreError> {
        if office.organization_id.is_some() {
            return self.tables().of_office(office);
        }
        let campaign = match office.campaign {
            Some(id) => self.campaigns().find(id)?,
            None => None,
        };
        if let Some(campaign) = campaign {
            return self.of_json(&campaign).map(Some);
        }
        // Its campaign was deleted, so its office is unknown.
        let own = PositionId::CustomOfOffice(office.id.clone());
        let link = PositionLink::new(BallotPosition::unknown(own), None, false);
        Ok(Some(Electorate::new(&link, false, false)))
    }

    fn remember(
        &mut self,
        of: &ActiveOrganization,
        found: &FoundDistrict,
    ) -> Result<(), StoreError> {
        if self.phase.has_tables() { self.tables().remember(of, found) } else { Ok(()) }
    }
}
