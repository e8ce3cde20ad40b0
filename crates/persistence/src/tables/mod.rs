//! Office and district in tables of their own: written from phase 1 on.

mod positions;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;
use winserve_domain::{
    campaign::Campaign,
    election::DistrictId,
    id::{CampaignId, OrganizationId},
    position::{BallotPosition, Facts, LinkedDistrict, PositionId, PositionLink},
    unit_of_work::{PositionLinks, StoreError},
};

use crate::{
    error::store_error,
    legacy::JsonLinks,
    schema::{ballot_position, campaign_link, organization},
};

/// `organization.type` of a campaign.
const CAMPAIGN: &str = "campaign";

/// Phase 1: the JSON and the tables are written in one transaction, the JSON is read.
pub(crate) struct DoubleWriteLinks<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

impl PositionLinks for DoubleWriteLinks<'_> {
    fn of_campaign(&mut self, campaign: &Campaign) -> Result<PositionLink, StoreError> {
        JsonLinks.of_campaign(campaign)
    }

    fn settle(
        &mut self,
        position: BallotPosition,
        facts: &Facts,
        now: DateTime<Utc>,
    ) -> Result<BallotPosition, StoreError> {
        match &position.id {
            PositionId::BallotReady(_) => {
                positions::settle_shared(self.connection, position, facts, now)
            }
            PositionId::CustomOfCampaign(_) => {
                positions::write_custom(self.connection, &position, now)?;
                Ok(position)
            }
        }
    }

    fn set_of_campaign(
        &mut self,
        campaign: &Campaign,
        link: &PositionLink,
        now: DateTime<Utc>,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let organization = match write_link(self.connection, campaign.id, link)? {
            Some(organization) => organization,
            None => complete(self.connection, campaign, now)?,
        };
        if !matches!(link.position.id, PositionId::CustomOfCampaign(_)) {
            // The holder may come from a position of its own, which nobody else can have.
            let own = PositionId::CustomOfCampaign(campaign.id).to_string();
            diesel::delete(ballot_position::table.find(own))
                .execute(self.connection)
                .map_err(store_error)?;
        }
        Ok(Some(OrganizationId(organization)))
    }

    fn organization_of_campaign(
        &mut self,
        campaign: CampaignId,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let found: Option<Uuid> = campaign_link::table
            .find(campaign.0)
            .select(campaign_link::organization_id)
            .first(self.connection)
            .map_err(store_error)?;
        Ok(found.map(OrganizationId))
    }

    fn organizations_of_campaigns(
        &mut self,
        campaigns: &[CampaignId],
    ) -> Result<HashMap<CampaignId, OrganizationId>, StoreError> {
        let ids: Vec<i32> = campaigns.iter().map(|campaign| campaign.0).collect();
        let found: Vec<(i32, Option<Uuid>)> = campaign_link::table
            .filter(campaign_link::id.eq_any(ids))
            .select((campaign_link::id, campaign_link::organization_id))
            .load(self.connection)
            .map_err(store_error)?;
        let found = found.into_iter();
        Ok(found.filter_map(|(id, own)| Some((CampaignId(id), OrganizationId(own?)))).collect())
    }
}

/// Writes position and override, and returns the campaign's organization, if it has one yet.
fn write_link(
    connection: &mut PgConnection,
    campaign: CampaignId,
    link: &PositionLink,
) -> Result<Option<Uuid>, StoreError> {
    let own = link.district_override.as_ref();
    diesel::update(campaign_link::table.find(campaign.0))
        .set((
            campaign_link::position_id.eq(link.position.id.to_string()),
            campaign_link::l2_district_id.eq(own.and_then(district_id)),
            campaign_link::l2_district_type.eq(own.map(|own| own.district.kind.as_str())),
            campaign_link::l2_district_name.eq(own.map(|own| own.district.name.as_str())),
            campaign_link::district_manually_set.eq(link.district_manually_set),
        ))
        .returning(campaign_link::organization_id)
        .get_result(connection)
        .map_err(store_error)
}

/// Gives a campaign of before phase 1 its organization.
fn complete(
    connection: &mut PgConnection,
    campaign: &Campaign,
    now: DateTime<Utc>,
) -> Result<Uuid, StoreError> {
    let OrganizationId(id) = OrganizationId::generate();
    diesel::insert_into(organization::table)
        .values((
            organization::id.eq(id),
            organization::owner_id.eq(campaign.user_id.0),
            organization::kind.eq(CAMPAIGN),
            organization::created_at.eq(now),
            organization::updated_at.eq(now),
        ))
        .execute(connection)
        .map_err(store_error)?;
    diesel::update(campaign_link::table.find(campaign.id.0))
        .set(campaign_link::organization_id.eq(id))
        .execute(connection)
        .map_err(store_error)?;
    Ok(id)
}

fn district_id(district: &LinkedDistrict) -> Option<&str> {
    district.id.as_ref().map(DistrictId::as_str)
}
