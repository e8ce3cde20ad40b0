//! Elected offices.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::{dsl::Eq, pg::Pg, prelude::*};
use uuid::Uuid;
use winserve_domain::{
    campaign::Campaign,
    elected_office::{ElectedOffice, Term},
    id::{CampaignId, ElectedOfficeId, OrganizationId, UserId},
    phase::Phase,
    position::PositionLink,
    unit_of_work::{ElectedOffices, StoreError},
};

use crate::{
    error::store_error,
    schema::elected_office,
    tables::{self, ELECTED_OFFICE},
};

pub(crate) struct PgElectedOffices<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) phase: Phase,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = elected_office, check_for_backend(Pg))]
struct OfficeRow {
    id: String,
    elected_date: Option<NaiveDate>,
    sworn_in_date: Option<NaiveDate>,
    term_start_date: Option<NaiveDate>,
    term_length_days: Option<i32>,
    term_end_date: Option<NaiveDate>,
    is_active: bool,
    user_id: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    campaign_id: Option<i32>,
}

impl OfficeRow {
    fn with(self, organization: Option<Uuid>) -> ElectedOffice {
        ElectedOffice {
            id: ElectedOfficeId(self.id),
            user_id: UserId(self.user_id),
            campaign_id: self.campaign_id.map(CampaignId),
            organization_id: organization.map(OrganizationId),
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
            term: Term {
                elected_date: self.elected_date,
                sworn_in_date: self.sworn_in_date,
                term_start_date: self.term_start_date,
                term_end_date: self.term_end_date,
                term_length_days: self.term_length_days,
                is_active: self.is_active,
            },
        }
    }
}

impl PgElectedOffices<'_> {
    /// The office of a row, with its organization from phase 1 on.
    fn completed(&mut self, row: Option<OfficeRow>) -> QueryResult<Option<ElectedOffice>> {
        let Some(row) = row else { return Ok(None) };
        let organization = match self.phase {
            Phase::Legacy => None,
            Phase::One => elected_office::table
                .find(&row.id)
                .select(elected_office::organization_id)
                .first(self.connection)?,
        };
        Ok(Some(row.with(organization)))
    }
}

impl ElectedOffices for PgElectedOffices<'_> {
    fn find(&mut self, id: &ElectedOfficeId) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .find(&id.0)
            .select(OfficeRow::as_select())
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        self.completed(row).map_err(store_error)
    }

    fn find_for_update(
        &mut self,
        id: &ElectedOfficeId,
    ) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .find(&id.0)
            .select(OfficeRow::as_select())
            .for_no_key_update()
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        self.completed(row).map_err(store_error)
    }

    fn find_active_of(&mut self, holder: UserId) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .filter(elected_office::user_id.eq(holder.0).and(elected_office::is_active))
            .order(elected_office::id.desc())
            .select(OfficeRow::as_select())
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        self.completed(row).map_err(store_error)
    }

    fn find_won_with(&mut self, campaign: CampaignId) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .filter(elected_office::campaign_id.eq(campaign.0))
            .order((elected_office::is_active.desc(), elected_office::id))
            .select(OfficeRow::as_select())
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        self.completed(row).map_err(store_error)
    }

    fn insert(
        &mut self,
        office: &ElectedOffice,
        link: &PositionLink,
        won_with: Option<&Campaign>,
    ) -> Result<Option<OrganizationId>, StoreError> {
        let office_columns = (
            elected_office::id.eq(&office.id.0),
            elected_office::user_id.eq(office.user_id.0),
            elected_office::created_at.eq(office.created_at.naive_utc()),
            elected_office::updated_at.eq(office.updated_at.naive_utc()),
            elected_office::campaign_id.eq(office.campaign_id.map(|id| id.0)),
            term_columns(&office.term),
        );
        let insert = diesel::insert_into(elected_office::table);
        if self.phase == Phase::Legacy {
            insert.values(office_columns).execute(self.connection).map_err(store_error)?;
            return Ok(None);
        }
        let request_key = match won_with {
            Some(campaign) => {
                let at = office.created_at;
                let organization = tables::organization_of_campaign(self.connection, campaign, at)?;
                Some(format!("won:{organization}"))
            }
            None => None,
        };
        let organization = tables::insert_organization(
            self.connection,
            office.user_id,
            ELECTED_OFFICE,
            request_key.as_deref(),
            office.created_at,
        )?;
        let own = link.district_override.as_ref();
        let link_columns = (
            elected_office::organization_id.eq(organization.0),
            elected_office::position_id.eq(link.position.id.to_string()),
            elected_office::l2_district_id.eq(own.and_then(tables::district_id)),
            elected_office::l2_district_type.eq(own.map(|own| own.district.kind.as_str())),
            elected_office::l2_district_name.eq(own.map(|own| own.district.name.as_str())),
            elected_office::district_manually_set.eq(link.district_manually_set),
            elected_office::can_download_federal
                .eq(won_with.is_some_and(|campaign| campaign.can_download_federal)),
        );
        insert
            .values((office_columns, link_columns))
            .execute(self.connection)
            .map_err(store_error)?;
        Ok(Some(organization))
    }

    fn update(&mut self, office: &ElectedOffice) -> Result<(), StoreError> {
        diesel::update(elected_office::table.find(&office.id.0))
            .set((
                elected_office::updated_at.eq(office.updated_at.naive_utc()),
                term_columns(&office.term),
            ))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }
}

/// The columns of a term, to be written.
type TermColumns = (
    Eq<elected_office::elected_date, Option<NaiveDate>>,
    Eq<elected_office::sworn_in_date, Option<NaiveDate>>,
    Eq<elected_office::term_start_date, Option<NaiveDate>>,
    Eq<elected_office::term_length_days, Option<i32>>,
    Eq<elected_office::term_end_date, Option<NaiveDate>>,
    Eq<elected_office::is_active, bool>,
);

fn term_columns(term: &Term) -> TermColumns {
    (
        elected_office::elected_date.eq(term.elected_date),
        elected_office::sworn_in_date.eq(term.sworn_in_date),
        elected_office::term_start_date.eq(term.term_start_date),
        elected_office::term_length_days.eq(term.term_length_days),
        elected_office::term_end_date.eq(term.term_end_date),
        elected_office::is_active.eq(term.is_active),
    )
}
