//! Organizations, and what is shown of them; only where phase 1 has its tables.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{pg::Pg, prelude::*};
use uuid::Uuid;
use winserve_domain::{
    id::{CampaignId, ElectedOfficeId, OrganizationId, UserId},
    organization::{CampaignSummary, Holder, OfficeSummary, OrganizationItem, RequestedEarlier},
    position::{BallotPosition, PositionLink},
    unit_of_work::{Organizations, StoreError},
};

use crate::{
    error::{inconsistent_key, store_error},
    schema::{ballot_position, campaign, elected_office, organization},
    tables::{PositionRow, read_district},
};

pub(crate) struct PgOrganizations<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = organization, check_for_backend(Pg))]
struct OrganizationRow {
    id: Uuid,
    clerk_organization_id: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = campaign, check_for_backend(Pg))]
struct CampaignChild {
    id: i32,
    slug: String,
    is_active: bool,
    is_pro: Option<bool>,
    l2_district_id: Option<String>,
    l2_district_type: Option<String>,
    l2_district_name: Option<String>,
    district_manually_set: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = elected_office, check_for_backend(Pg))]
struct OfficeChild {
    id: String,
    is_active: bool,
    sworn_in_date: Option<NaiveDate>,
    l2_district_id: Option<String>,
    l2_district_type: Option<String>,
    l2_district_name: Option<String>,
    district_manually_set: bool,
}

/// An organization, its child of one kind or the other, the campaign's election date, the position.
type Row = (
    OrganizationRow,
    Option<CampaignChild>,
    Option<OfficeChild>,
    Option<String>,
    Option<PositionRow>,
);

impl Organizations for PgOrganizations<'_> {
    fn requested_earlier(
        &mut self,
        owner: UserId,
        key: &str,
    ) -> Result<Option<RequestedEarlier>, StoreError> {
        let found: Option<(Uuid, Option<String>)> = organization::table
            .filter(organization::owner_id.eq(owner.0).and(organization::request_key.eq(key)))
            .select((organization::id, organization::request_digest))
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        Ok(found.map(|(id, digest)| RequestedEarlier {
            organization: OrganizationId(id),
            digest: digest.unwrap_or_default(),
        }))
    }

    fn find(&mut self, id: OrganizationId) -> Result<Option<OrganizationItem>, StoreError> {
        let position_of_child = ballot_position::id
            .nullable()
            .eq(campaign::position_id)
            .or(ballot_position::id.nullable().eq(elected_office::position_id));
        let row: Option<Row> = organization::table
            .left_join(
                campaign::table.on(campaign::organization_id.eq(organization::id.nullable())),
            )
            .left_join(
                elected_office::table
                    .on(elected_office::organization_id.eq(organization::id.nullable())),
            )
            .left_join(ballot_position::table.on(position_of_child.assume_not_null()))
            .filter(organization::id.eq(id.0))
            .select((
                OrganizationRow::as_select(),
                Option::<CampaignChild>::as_select(),
                Option::<OfficeChild>::as_select(),
                campaign::details.nullable().retrieve_as_text("electionDate"),
                Option::<PositionRow>::as_select(),
            ))
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        row.map(item).transpose()
    }
}

fn item(
    (row, campaign, office, election_date, position): Row,
) -> Result<OrganizationItem, StoreError> {
    let damaged = |what: &str| inconsistent_key("organization", &row.id.to_string(), what);
    let position: BallotPosition =
        position.ok_or_else(|| damaged("its child has no position"))?.try_into()?;
    let (holder, own, district_manually_set) = match (campaign, office) {
        (Some(campaign), _) => {
            let own =
                (campaign.l2_district_id, campaign.l2_district_type, campaign.l2_district_name);
            let holder = Holder::Campaign(CampaignSummary {
                id: CampaignId(campaign.id),
                slug: campaign.slug,
                is_active: campaign.is_active,
                is_pro: campaign.is_pro.unwrap_or_default(),
                election_date,
            });
            (holder, own, campaign.district_manually_set)
        }
        (None, Some(office)) => {
            let own = (office.l2_district_id, office.l2_district_type, office.l2_district_name);
            let holder = Holder::ElectedOffice(OfficeSummary {
                id: ElectedOfficeId(office.id),
                is_active: office.is_active,
                sworn_in_date: office.sworn_in_date,
            });
            (holder, own, office.district_manually_set)
        }
        (None, None) => return Err(damaged("it has no child")),
    };
    let district_override = read_district(own).ok_or_else(|| damaged("its district's id"))?;
    Ok(OrganizationItem {
        id: OrganizationId(row.id),
        clerk_organization_id: row.clerk_organization_id,
        created_at: row.created_at,
        updated_at: row.updated_at,
        link: PositionLink { position, district_override, district_manually_set },
        holder,
    })
}
