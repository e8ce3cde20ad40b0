//! Elected offices.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use diesel::{
    dsl::{AsSelect, Eq, exists},
    pg::Pg,
    prelude::*,
};
use uuid::Uuid;
use winserve_domain::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, Page, StoreError, UserId},
    offices::{ElectedOffice, ElectedOffices, Term},
    organizations::{ActiveOffice, RequestKey},
    positions::{BallotReadyId, PositionId, PositionLink},
};

use crate::{
    error::store_error,
    limits::Limits,
    paging,
    schema::{ballot_position, campaign, elected_office, organization},
    tables::{
        self, ELECTED_OFFICE,
        clerk_id::{ClerkIdOf, OrganizationIds},
        won_campaign::WonCampaignOf,
    },
};

/// Elected offices, on one connection.
pub struct PgElectedOffices<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
    /// Storage limits per user.
    pub limits: Limits,
}

/// The columns of an office that are not about its organization, office or district.
#[derive(Queryable, Selectable)]
#[diesel(table_name = elected_office, check_for_backend(Pg))]
pub struct OfficeRow {
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
}

impl OfficeRow {
    /// The office, with its organization, its position, whether staff allowed statewide or federal
    /// voter data, and the campaign it was won with.
    #[must_use]
    pub fn office(
        self,
        (organization, clerk): OrganizationIds,
        position: Option<&str>,
        can_download_federal: bool,
        campaign: Option<i32>,
    ) -> ElectedOffice {
        ElectedOffice {
            id: ElectedOfficeId(self.id),
            user_id: UserId(self.user_id),
            campaign: campaign.map(CampaignId),
            organization_id: organization.map(OrganizationId),
            clerk_organization_id: clerk,
            position: position.and_then(BallotReadyId::parse),
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
            can_download_federal,
            wants_repair: false,
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

type Row = (OfficeRow, OrganizationIds, Option<String>, bool, Option<i32>);

#[diesel::dsl::auto_type(no_type_alias)]
fn columns() -> _ {
    let row: AsSelect<OfficeRow, Pg> = OfficeRow::as_select();
    let clerk: ClerkIdOf<elected_office::organization_id> =
        ClerkIdOf(elected_office::organization_id);
    let ids = (elected_office::organization_id, clerk);
    let won: WonCampaignOf<elected_office::organization_id> =
        WonCampaignOf(elected_office::organization_id);
    (row, ids, elected_office::position_id, elected_office::can_download_federal, won)
}

fn office((row, organization, position, can_download_federal, campaign): Row) -> ElectedOffice {
    row.office(organization, position.as_deref(), can_download_federal, campaign)
}

fn found(row: QueryResult<Row>) -> Result<Option<ElectedOffice>, StoreError> {
    row.optional().map(|row| row.map(office)).map_err(store_error)
}

/// Whether an office found by its id belongs to this holder. No index supports this comparison:
/// with `=`, a generic plan might use the index on the holder, who may have a thousand offices,
/// instead of the id.
#[diesel::dsl::auto_type(no_type_alias)]
pub(crate) fn is_held_by(holder: UserId) -> _ {
    let holder: i32 = holder.0;
    elected_office::user_id.is_not_distinct_from(holder)
}

impl ElectedOffices for PgElectedOffices<'_> {
    fn find(&mut self, id: &ElectedOfficeId) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table.find(&id.0).select(columns()).first(self.connection);
        found(row)
    }

    fn find_for_update(
        &mut self,
        id: &ElectedOfficeId,
    ) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .find(&id.0)
            .select(columns())
            .for_no_key_update()
            .first(self.connection);
        found(row)
    }

    fn find_active(&mut self, active: &ActiveOffice) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .find(&active.id().0)
            .filter(is_held_by(active.owner()).and(elected_office::is_active))
            .select(columns())
            .first(self.connection);
        found(row)
    }

    fn has_active(&mut self, holder: UserId) -> Result<bool, StoreError> {
        let active = elected_office::table
            .filter(elected_office::user_id.eq(holder.0).and(elected_office::is_active))
            .select(elected_office::id);
        diesel::select(exists(active)).get_result(self.connection).map_err(store_error)
    }

    fn won_with(&mut self, campaign: CampaignId) -> Result<Vec<ElectedOffice>, StoreError> {
        let found: Option<(i32, Option<Uuid>)> = campaign::table
            .find(campaign.0)
            .select((campaign::user_id, campaign::organization_id))
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        let Some((owner, Some(won))) = found else { return Ok(Vec::new()) };
        let won = OrganizationId(won);
        let further = format!("{}%", RequestKey::of_further_wins(won));
        let is_won = organization::request_key
            .eq(RequestKey::of_win(won).key)
            .or(organization::request_key.like(further));
        let rows: Vec<Row> = elected_office::table
            .inner_join(
                organization::table
                    .on(elected_office::organization_id.eq(organization::id.nullable())),
            )
            .filter(organization::owner_id.eq(owner).and(is_won))
            .order((elected_office::created_at, elected_office::id))
            .select(columns())
            .load(self.connection)
            .map_err(store_error)?;
        Ok(rows.into_iter().map(office).collect())
    }

    fn of_holder(&mut self, holder: UserId) -> Result<Vec<ElectedOffice>, StoreError> {
        let rows: Vec<Row> = elected_office::table
            .filter(elected_office::user_id.eq(holder.0))
            .order((elected_office::created_at, elected_office::id))
            .select(columns())
            .load(self.connection)
            .map_err(store_error)?;
        Ok(rows.into_iter().map(office).collect())
    }

    fn with_position(
        &mut self,
        holder: UserId,
        position: &PositionId,
    ) -> Result<Vec<ElectedOffice>, StoreError> {
        let rows: Vec<Row> = elected_office::table
            .filter(elected_office::user_id.eq(holder.0))
            .filter(elected_office::position_id.eq(position.to_string()))
            .order((elected_office::created_at, elected_office::id))
            .select(columns())
            .load(self.connection)
            .map_err(store_error)?;
        Ok(rows.into_iter().map(office).collect())
    }

    fn find_of_organization(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .filter(elected_office::organization_id.eq(organization.0))
            .select(columns())
            .first(self.connection);
        found(row)
    }

    fn page(
        &mut self,
        holder: Option<UserId>,
        page: Page,
    ) -> Result<(Vec<ElectedOffice>, i64), StoreError> {
        let mut query = elected_office::table.into_boxed();
        let mut count = elected_office::table.count().into_boxed();
        if let Some(holder) = holder {
            query = query.filter(elected_office::user_id.eq(holder.0));
            count = count.filter(elected_office::user_id.eq(holder.0));
        }
        let rows: Vec<Row> = query
            .select(columns())
            .order((paging::order("elected_office", page), elected_office::id))
            .offset(page.offset)
            .limit(page.limit)
            .load(self.connection)
            .map_err(store_error)?;
        let total = count.get_result(self.connection).map_err(store_error)?;
        Ok((rows.into_iter().map(office).collect(), total))
    }

    fn insert(
        &mut self,
        office: &ElectedOffice,
        link: &PositionLink,
        request: Option<&RequestKey>,
    ) -> Result<Option<OrganizationId>, StoreError> {
        self.limits.check_elected_offices(self.connection, office.user_id)?;
        let organization = self.new_organization(office, request, office.created_at)?;
        diesel::insert_into(elected_office::table)
            .values((new_columns(office), link_columns(organization, office, link)))
            .execute(self.connection)
            .map_err(store_error)?;
        Ok(Some(organization))
    }

    fn complete(
        &mut self,
        office: &ElectedOffice,
        link: &PositionLink,
        request: Option<&RequestKey>,
        now: DateTime<Utc>,
    ) -> Result<OrganizationId, StoreError> {
        let organization = self.new_organization(office, request, now)?;
        diesel::update(elected_office::table.find(&office.id.0))
            .set(link_columns(organization, office, link))
            .execute(self.connection)
            .map_err(store_error)?;
        Ok(organization)
    }

    fn relink(
        &mut self,
        office: &ElectedOffice,
        organization: OrganizationId,
        link: &PositionLink,
    ) -> Result<(), StoreError> {
        diesel::update(elected_office::table.find(&office.id.0))
            .set((
                elected_office::updated_at.eq(office.updated_at.naive_utc()),
                link_columns(organization, office, link),
            ))
            .execute(self.connection)
            .map_err(store_error)?;
        if matches!(link.position.id, PositionId::BallotReady(_)) {
            let own = PositionId::CustomOfOffice(office.id.clone()).to_string();
            diesel::delete(ballot_position::table.find(own))
                .execute(self.connection)
                .map_err(store_error)?;
        }
        Ok(())
    }

    fn keep_choice(&mut self, organization: OrganizationId) -> Result<(), StoreError> {
        // An office won through this service already has a key.
        let without_key =
            organization::table.find(organization.0).filter(organization::request_key.is_null());
        diesel::update(without_key)
            .set(organization::request_key.eq(RequestKey::of_choice(organization).key))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
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

impl PgElectedOffices<'_> {
    /// The organization of a new office; the office must follow in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a second office with the same request key.
    pub fn new_organization(
        &mut self,
        office: &ElectedOffice,
        request: Option<&RequestKey>,
        now: DateTime<Utc>,
    ) -> Result<OrganizationId, StoreError> {
        tables::insert_organization(self.connection, office.user_id, ELECTED_OFFICE, request, now)
    }
}

/// The columns of a new office.
type NewColumns<'a> = (
    Eq<elected_office::id, &'a String>,
    Eq<elected_office::user_id, i32>,
    Eq<elected_office::created_at, NaiveDateTime>,
    Eq<elected_office::updated_at, NaiveDateTime>,
    TermColumns,
);

/// The columns of a new office, without its organization, position and district.
#[must_use]
pub fn new_columns(office: &ElectedOffice) -> NewColumns<'_> {
    (
        elected_office::id.eq(&office.id.0),
        elected_office::user_id.eq(office.user_id.0),
        elected_office::created_at.eq(office.created_at.naive_utc()),
        elected_office::updated_at.eq(office.updated_at.naive_utc()),
        term_columns(&office.term),
    )
}

/// The columns that link an office to its organization and position.
pub type LinkColumns<'a> = (
    Eq<elected_office::organization_id, Uuid>,
    Eq<elected_office::position_id, String>,
    Eq<elected_office::l2_district_id, Option<&'a str>>,
    Eq<elected_office::l2_district_type, Option<&'a str>>,
    Eq<elected_office::l2_district_name, Option<&'a str>>,
    Eq<elected_office::district_manually_set, bool>,
    Eq<elected_office::can_download_federal, bool>,
);

/// See [`LinkColumns`].
#[must_use]
pub fn link_columns<'a>(
    organization: OrganizationId,
    office: &ElectedOffice,
    link: &'a PositionLink,
) -> LinkColumns<'a> {
    let own = link.district_override.as_ref();
    (
        elected_office::organization_id.eq(organization.0),
        elected_office::position_id.eq(link.position.id.to_string()),
        elected_office::l2_district_id.eq(own.and_then(tables::district_id)),
        elected_office::l2_district_type.eq(own.map(|own| own.district.kind.as_str())),
        elected_office::l2_district_name.eq(own.map(|own| own.district.name.as_str())),
        elected_office::district_manually_set.eq(link.district_manually_set),
        elected_office::can_download_federal.eq(office.can_download_federal),
    )
}

/// The columns of a term.
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
