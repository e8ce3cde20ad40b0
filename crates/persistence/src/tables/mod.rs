//! Office and district in tables of their own: written from phase 1 on.

mod positions;
pub(crate) mod shared_positions;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    dsl::case_when,
    prelude::*,
    sql_types::{Bool, Nullable, Text},
};
use uuid::Uuid;
use winserve_domain::{
    campaign::Campaign,
    election::DistrictId,
    id::{CampaignId, OrganizationId, UserId},
    position::{BallotPosition, Facts, LinkedDistrict, PositionId, PositionLink},
    unit_of_work::{PositionLinks, StoreError},
};

use crate::{
    error::store_error,
    legacy::JsonLinks,
    schema::{ballot_position, campaign, organization},
};

/// `organization.type` of a campaign.
const CAMPAIGN: &str = "campaign";
/// `organization.type` of an elected office.
pub(crate) const ELECTED_OFFICE: &str = "elected_office";

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
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
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
        let found: Option<Uuid> = campaign::table
            .find(campaign.0)
            .select(campaign::organization_id)
            .first(self.connection)
            .map_err(store_error)?;
        Ok(found.map(OrganizationId))
    }

    fn organizations_of_campaigns(
        &mut self,
        campaigns: &[CampaignId],
    ) -> Result<HashMap<CampaignId, OrganizationId>, StoreError> {
        let ids: Vec<i32> = campaigns.iter().map(|campaign| campaign.0).collect();
        let found: Vec<(i32, Option<Uuid>)> = campaign::table
            .filter(campaign::id.eq_any(ids))
            .select((campaign::id, campaign::organization_id))
            .load(self.connection)
            .map_err(store_error)?;
        let found = found.into_iter();
        Ok(found.filter_map(|(id, own)| Some((CampaignId(id), OrganizationId(own?)))).collect())
    }
}

/// Writes position and override, and returns the campaign's organization, if it has one yet.
///
/// The id of a district outlives edits that leave type and name: nobody but election-api knows it.
fn write_link(
    connection: &mut PgConnection,
    campaign: CampaignId,
    link: &PositionLink,
) -> Result<Option<Uuid>, StoreError> {
    let own = link.district_override.as_ref();
    let same_district = campaign::l2_district_type
        .is_not_distinct_from(own.map(|own| own.district.kind.as_str()))
        .and(
            campaign::l2_district_name
                .is_not_distinct_from(own.map(|own| own.district.name.as_str())),
        );
    let stated = own.and_then(district_id);
    let district_id =
        case_when(same_district.and(stated.is_none().into_sql::<Bool>()), campaign::l2_district_id)
            .otherwise(stated.into_sql::<Nullable<Text>>());
    diesel::update(campaign::table.find(campaign.0))
        .set((
            campaign::position_id.eq(link.position.id.to_string()),
            campaign::l2_district_id.eq(district_id),
            campaign::l2_district_type.eq(own.map(|own| own.district.kind.as_str())),
            campaign::l2_district_name.eq(own.map(|own| own.district.name.as_str())),
            campaign::district_manually_set.eq(link.district_manually_set),
        ))
        .returning(campaign::organization_id)
        .get_result(connection)
        .map_err(store_error)
}

/// Gives a campaign of before phase 1 its organization.
fn complete(
    connection: &mut PgConnection,
    campaign: &Campaign,
    now: DateTime<Utc>,
) -> Result<Uuid, StoreError> {
    let OrganizationId(id) =
        insert_organization(connection, campaign.user_id, CAMPAIGN, None, now)?;
    diesel::update(campaign::table.find(campaign.id.0))
        .set(campaign::organization_id.eq(id))
        .execute(connection)
        .map_err(store_error)?;
    Ok(id)
}

/// The organization of a campaign that is locked; one of before phase 1 gets it now.
pub(crate) fn organization_of_campaign(
    connection: &mut PgConnection,
    campaign: &Campaign,
    now: DateTime<Utc>,
) -> Result<OrganizationId, StoreError> {
    let mut links = DoubleWriteLinks { connection };
    if let Some(organization) = links.organization_of_campaign(campaign.id)? {
        return Ok(organization);
    }
    complete(links.connection, campaign, now).map(OrganizationId)
}

/// A new organization; its child has to follow in the same transaction.
pub(crate) fn insert_organization(
    connection: &mut PgConnection,
    owner: UserId,
    kind: &str,
    request_key: Option<&str>,
    now: DateTime<Utc>,
) -> Result<OrganizationId, StoreError> {
    let organization = OrganizationId::generate();
    diesel::insert_into(organization::table)
        .values((
            organization::id.eq(organization.0),
            organization::owner_id.eq(owner.0),
            organization::kind.eq(kind),
            organization::request_key.eq(request_key),
            organization::created_at.eq(now),
            organization::updated_at.eq(now),
        ))
        .execute(connection)
        .map_err(store_error)?;
    Ok(organization)
}

pub(crate) fn district_id(district: &LinkedDistrict) -> Option<&str> {
    district.id.as_ref().map(DistrictId::as_str)
}
