//! Office and district of each holder.

pub mod clerk_id;
pub mod links;
mod positions;
pub mod shared_positions;
pub(crate) mod won_campaign;

use chrono::{DateTime, Utc};
use diesel::{
    dsl::{case_when, not},
    prelude::*,
    sql_types::{Bool, Nullable, Text},
};
use winserve_domain::{
    base::{CampaignId, OrganizationId, StoreError, UserId},
    campaigns::Campaign,
    organizations::RequestKey,
    positions::{
        BallotPosition, BallotReadyId, Facts, KnownPosition, PositionId, PositionLink,
        PositionLinks,
    },
};

pub use positions::district_id;
pub(crate) use positions::{PositionRow, StoredDistrict, read_district};

use crate::{
    error::store_error,
    schema::{ballot_position, campaign, organization},
};

/// `organization.type` of a campaign.
pub const CAMPAIGN: &str = "campaign";
/// `organization.type` of an elected office.
pub const ELECTED_OFFICE: &str = "elected_office";

/// Office and district of each holder, on one connection.
pub struct PgPositionLinks<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
    /// Which campaigns keep an inherited district: see [`shared_positions::state`].
    pub keepers: &'static str,
}

impl PositionLinks for PgPositionLinks<'_> {
    fn held_by_campaign(&mut self, campaign: &Campaign) -> Result<PositionLink, StoreError> {
        let mut link = campaign.link();
        if campaign.stored_link.is_some() {
            return Ok(link);
        }
        let stored: Option<StoredDistrict> = campaign::table
            .find(campaign.id.0)
            .select((
                campaign::l2_district_id,
                campaign::l2_district_type,
                campaign::l2_district_name,
            ))
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        let stored = stored.and_then(read_district).flatten();
        if let (Some(own), Some(stored)) = (&mut link.district_override, stored)
            && own.district == stored.district
        {
            own.id = stored.id;
        }
        if let PositionId::CustomOfCampaign(_) = link.position.id {
            link.position.zip = positions::zip(self.connection, &link.position.id)?;
        }
        Ok(link)
    }

    fn known(&mut self, id: &BallotReadyId) -> Result<Option<KnownPosition>, StoreError> {
        positions::find_shared(self.connection, id.as_str())
    }

    fn settle(
        &mut self,
        position: BallotPosition,
        facts: &Facts,
        now: DateTime<Utc>,
    ) -> Result<BallotPosition, StoreError> {
        match &position.id {
            PositionId::BallotReady(_) => {
                positions::settle_shared(self.connection, self.keepers, position, facts, now)
            }
            PositionId::CustomOfCampaign(_) | PositionId::CustomOfOffice(_) => {
                positions::write_custom(self.connection, &position, now)?;
                Ok(position)
            }
        }
    }

    fn clear_zip(&mut self, position: &PositionId) -> Result<(), StoreError> {
        diesel::update(ballot_position::table.find(position.to_string()))
            .set(ballot_position::zip.eq(None::<String>))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn set_of_campaign(
        &mut self,
        campaign: &Campaign,
        link: &PositionLink,
        now: DateTime<Utc>,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let organization = match campaign.organization_id {
            Some(organization) => organization,
            // A holder from before phase 1 is completed by its first write.
            None => insert_organization(self.connection, campaign.user_id, CAMPAIGN, None, now)?,
        };
        write_link(self.connection, campaign.id, organization, link)?;
        if !matches!(link.position.id, PositionId::CustomOfCampaign(_)) {
            // The holder may come from a custom position, which nobody else can have.
            let own = PositionId::CustomOfCampaign(campaign.id).to_string();
            diesel::delete(ballot_position::table.find(own))
                .execute(self.connection)
                .map_err(store_error)?;
        }
        Ok(Some(organization))
    }
}

/// Writes organization, position and override, unless the row already has them: otherwise our write
/// without changes could make a running write of the old service fail.
///
/// A district id survives edits that keep type and name: only election-api knows it.
fn write_link(
    connection: &mut PgConnection,
    campaign: CampaignId,
    organization: OrganizationId,
    link: &PositionLink,
) -> Result<(), StoreError> {
    let position = link.position.id.to_string();
    let own = link.district_override.as_ref();
    let kind = own.map(|own| own.district.kind.as_str());
    let name = own.map(|own| own.district.name.as_str());
    let stated = own.and_then(district_id);
    let is_same_district = || {
        let is_same_type = campaign::l2_district_type.is_not_distinct_from(kind);
        is_same_type.and(campaign::l2_district_name.is_not_distinct_from(name))
    };
    let is_none_stated = || stated.is_none().into_sql::<Bool>();
    let is_written = campaign::organization_id
        .is_not_distinct_from(Some(organization.0))
        .and(campaign::position_id.is_not_distinct_from(Some(&position)))
        .and(is_same_district())
        .and(is_none_stated().or(campaign::l2_district_id.is_not_distinct_from(stated)))
        .and(campaign::district_manually_set.eq(link.district_manually_set));
    let district_id = case_when(is_same_district().and(is_none_stated()), campaign::l2_district_id)
        .otherwise(stated.into_sql::<Nullable<Text>>());
    diesel::update(campaign::table.find(campaign.0).filter(not(is_written)))
        .set((
            campaign::organization_id.eq(organization.0),
            campaign::position_id.eq(&position),
            campaign::l2_district_id.eq(district_id),
            campaign::l2_district_type.eq(kind),
            campaign::l2_district_name.eq(name),
            campaign::district_manually_set.eq(link.district_manually_set),
        ))
        .execute(connection)
        .map(drop)
        .map_err(store_error)
}

/// A new organization; its child must follow in the same transaction.
pub(crate) fn insert_organization(
    connection: &mut PgConnection,
    owner: UserId,
    kind: &str,
    request: Option<&RequestKey>,
    now: DateTime<Utc>,
) -> Result<OrganizationId, StoreError> {
    let organization = OrganizationId::generate();
    diesel::insert_into(organization::table)
        .values((
            organization::id.eq(organization.0),
            organization::owner_id.eq(owner.0),
            organization::kind.eq(kind),
            organization::request_key.eq(request.map(|request| request.key.as_str())),
            organization::request_digest.eq(request.map(|request| request.digest.as_str())),
            organization::created_at.eq(now),
            organization::updated_at.eq(now),
        ))
        .execute(connection)
        .map_err(store_error)?;
    Ok(organization)
}
