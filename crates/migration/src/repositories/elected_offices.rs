//! Elected offices until phase 3.

use chrono::{DateTime, Utc};
use diesel::{
    dsl::AsSelect,
    expression::BoxableExpression,
    pg::Pg,
    prelude::*,
    sql_types::{Bool, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;
use winserve_domain::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, Page, StoreError, UserId},
    offices::{ElectedOffice, ElectedOffices},
    organizations::{ActiveOffice, RequestKey},
    positions::{PositionId, PositionLink},
};
use winserve_persistence::{
    Limits,
    elected_offices::{OfficeRow, PgElectedOffices, link_columns, new_columns},
    paging,
    schema::elected_office,
    store_error,
    tables::clerk_id::{ClerkIdOf, OrganizationIds},
};

use super::{
    IsOutdated,
    offices_of_campaigns::{link_office_when_free, link_offices_of},
};
use crate::{
    phase::Phase,
    schema::{CAMPAIGN_OF_OFFICE, CampaignOf},
};

pub(crate) struct PhasedElectedOffices<'c> {
    pub(crate) connection: &'c mut PgConnection,
    pub(crate) phase: Phase,
    pub(crate) limits: Limits,
}

/// A row with the campaign that it was won with, and its phase-1 columns: organization, position,
/// statewide or federal voter data, and whether another service changed that campaign.
type Row = (OfficeRow, Option<i32>, (OrganizationIds, Option<String>, bool, bool));

type Column<T> = Box<dyn BoxableExpression<elected_office::table, Pg, SqlType = T>>;
type IdColumns = (Column<Nullable<SqlUuid>>, Column<Nullable<Text>>);
type TableColumns = (IdColumns, Column<Nullable<Text>>, Column<Bool>, Column<Bool>);
type Columns = (AsSelect<OfficeRow, Pg>, CampaignOf<elected_office::table>, TableColumns);

fn columns(phase: Phase) -> Columns {
    (OfficeRow::as_select(), CAMPAIGN_OF_OFFICE, table_columns(phase))
}

/// The columns of phase 1; in `legacy`, where they may not exist, constants.
fn table_columns(phase: Phase) -> TableColumns {
    if !phase.has_tables() {
        return (
            (
                Box::new(None::<Uuid>.into_sql::<Nullable<SqlUuid>>()),
                Box::new(None::<String>.into_sql::<Nullable<Text>>()),
            ),
            Box::new(None::<String>.into_sql::<Nullable<Text>>()),
            Box::new(false.into_sql::<Bool>()),
            Box::new(false.into_sql::<Bool>()),
        );
    }
    (
        (
            Box::new(elected_office::organization_id),
            Box::new(ClerkIdOf(elected_office::organization_id)),
        ),
        Box::new(elected_office::position_id),
        Box::new(elected_office::can_download_federal),
        Box::new(IsOutdated(CAMPAIGN_OF_OFFICE)),
    )
}

fn office((row, campaign, columns): Row) -> ElectedOffice {
    let (organization, position, can_download, wants_repair) = columns;
    let office = row.office(organization, position.as_deref(), can_download, campaign);
    ElectedOffice { wants_repair, ..office }
}

fn found(row: QueryResult<Row>) -> Result<Option<ElectedOffice>, StoreError> {
    row.optional().map(|row| row.map(office)).map_err(store_error)
}

impl PhasedElectedOffices<'_> {
    fn tables(&mut self) -> PgElectedOffices<'_> {
        PgElectedOffices { connection: self.connection, limits: self.limits }
    }
}

impl ElectedOffices for PhasedElectedOffices<'_> {
    fn find(&mut self, id: &ElectedOfficeId) -> Result<Option<ElectedOffice>, StoreError> {
        let row =
            elected_office::table.find(&id.0).select(columns(self.phase)).first(self.connection);
        found(row)
    }

    fn find_for_update(
        &mut self,
        id: &ElectedOfficeId,
    ) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .find(&id.0)
            .select(columns(self.phase))
            .for_no_key_update()
            .first(self.connection);
        found(row)
    }

    fn find_active(&mut self, active: &ActiveOffice) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .find(&active.id().0)
            // (No index supports this comparison; a plan must use the id.)
            .filter(elected_office::user_id.is_not_distinct_from(active.owner().0))
            .filter(elected_office::is_active)
            .select(columns(self.phase))
            .first(self.connection);
        found(row)
    }

    fn has_active(&mut self, holder: UserId) -> Result<bool, StoreError> {
        self.tables().has_active(holder)
    }

    fn won_with(&mut self, campaign: CampaignId) -> Result<Vec<ElectedOffice>, StoreError> {
        let rows: Vec<Row> = elected_office::table
            .filter(CAMPAIGN_OF_OFFICE.eq(campaign.0))
            .order((elected_office::created_at, elected_office::id))
            .select(columns(self.phase))
            .load(self.connection)
            .map_err(store_error)?;
        Ok(rows.into_iter().map(office).collect())
    }

    fn of_holder(&mut self, holder: UserId) -> Result<Vec<ElectedOffice>, StoreError> {
        let rows: Vec<Row> = elected_office::table
            .filter(elected_office::user_id.eq(holder.0))
            .order((elected_office::created_at, elected_office::id))
            .select(columns(self.phase))
            .load(self.connection)
            .map_err(store_error)?;
        Ok(rows.into_iter().map(office).collect())
    }

    fn with_position(
        &mut self,
        holder: UserId,
        position: &PositionId,
    ) -> Result<Vec<ElectedOffice>, StoreError> {
        self.tables().with_position(holder, position)
    }

    fn find_of_organization(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Option<ElectedOffice>, StoreError> {
        let row = elected_office::table
            .filter(elected_office::organization_id.eq(organization.0))
            .select(columns(self.phase))
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
            .select(columns(self.phase))
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
        let campaign = CAMPAIGN_OF_OFFICE.eq(office.campaign.map(|id| id.0));
        if !self.phase.has_tables() {
            diesel::insert_into(elected_office::table)
                .values((new_columns(office), campaign))
                .execute(self.connection)
                .map_err(store_error)?;
            return Ok(None);
        }
        let organization = self.tables().new_organization(office, request, office.created_at)?;
        diesel::insert_into(elected_office::table)
            .values((new_columns(office), campaign, link_columns(organization, office, link)))
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
        self.tables().complete(office, link, request, now)
    }

    fn link_to_campaign(&mut self, campaign: CampaignId) -> Result<bool, StoreError> {
        link_offices_of(self.connection, campaign).map_err(store_error)
    }

    fn link_when_free(&mut self, office: &ElectedOfficeId) -> Result<(), StoreError> {
        link_office_when_free(self.connection, office).map_err(store_error)
    }

    fn relink(
        &mut self,
        office: &ElectedOffice,
        organization: OrganizationId,
        link: &PositionLink,
    ) -> Result<(), StoreError> {
        self.tables().relink(office, organization, link)
    }

    fn keep_choice(&mut self, organization: OrganizationId) -> Result<(), StoreError> {
        self.tables().keep_choice(organization)
    }

    fn update(&mut self, office: &ElectedOffice) -> Result<(), StoreError> {
        self.tables().update(office)
    }
}
