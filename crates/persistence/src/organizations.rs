//! Organizations and their lists.

use std::{error::Error, num::ParseIntError};

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    dsl::count_star,
    pg::Pg,
    prelude::*,
    sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use serde::Deserialize as _;
use serde_json::Value;
use uuid::Uuid;
use winserve_domain::{
    base::{CampaignId, ElectedOfficeId, OrganizationId, StoreError, UserId},
    offices::Term,
    organizations::{
        CampaignSummary, EventCursor, EventFacts, OfficeSummary, OrganizationEvent,
        OrganizationFilter, OrganizationItem, OrganizationKind, OrganizationOwner,
        OrganizationProblem, OrganizationReference, Organizations, RequestKey, RequestedEarlier,
    },
    positions::{BallotPosition, Electorate, PositionLink},
};

use crate::{
    electorates::is_unverified,
    error::store_error,
    like::escaped,
    schema::{ballot_position, campaign, elected_office, organization, user},
    tables::{CAMPAIGN, ELECTED_OFFICE, PositionRow, StoredDistrict, read_district},
    users,
};

/// The feed. A transaction that still runs may write events that belong before those of later ones,
/// which therefore wait for it.
const EVENTS: &str = "
    SELECT event.transaction::text AS transaction, sequence, organization_id, owner_id, actor, kind, before, after,
           created_at
    FROM organization_event AS event
    WHERE (event.transaction, sequence) > ($1::xid8, $2)
      AND event.transaction < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY event.transaction, sequence LIMIT $3";

/// The latest events of one organization.
const HISTORY: &str = "
    SELECT transaction::text AS transaction, sequence, organization_id, owner_id, actor, kind, before, after,
           created_at
    FROM organization_event WHERE organization_id = $1 ORDER BY sequence DESC LIMIT $2";

/// Organizations, on one connection.
pub struct PgOrganizations<'c> {
    /// The connection.
    pub connection: &'c mut PgConnection,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = organization, check_for_backend(Pg))]
struct OrganizationRow {
    id: Uuid,
    owner_id: i32,
    kind: String,
    clerk_organization_id: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = user, check_for_backend(Pg))]
struct OwnerRow {
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = campaign, check_for_backend(Pg))]
struct CampaignChild {
    id: i32,
    slug: String,
    is_active: bool,
    is_pro: Option<bool>,
    did_win: Option<bool>,
    can_download_federal: bool,
    l2_district_id: Option<String>,
    l2_district_type: Option<String>,
    l2_district_name: Option<String>,
    district_manually_set: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = elected_office, check_for_backend(Pg))]
struct OfficeChild {
    id: String,
    elected_date: Option<NaiveDate>,
    sworn_in_date: Option<NaiveDate>,
    term_start_date: Option<NaiveDate>,
    term_end_date: Option<NaiveDate>,
    term_length_days: Option<i32>,
    is_active: bool,
    can_download_federal: bool,
    l2_district_id: Option<String>,
    l2_district_type: Option<String>,
    l2_district_name: Option<String>,
    district_manually_set: bool,
}

/// An organization, its owner, its child of either kind, the campaign's election date, and the
/// position with the time when election-api confirmed its facts; whether the campaign has no
/// answers.
type Row = (
    OrganizationRow,
    OwnerRow,
    Option<CampaignChild>,
    Option<OfficeChild>,
    Option<String>,
    Option<PositionRow>,
    Option<DateTime<Utc>>,
    Option<bool>,
);

/// All organizations with everything that an item shows, to be filtered: one statement. A macro,
/// because the type of the query cannot be written.
macro_rules! with_children {
    () => {
        organization::table
            .inner_join(user::table.on(user::id.eq(organization::owner_id)))
            .left_join(
                campaign::table.on(campaign::organization_id.eq(organization::id.nullable())),
            )
            .left_join(
                elected_office::table
                    .on(elected_office::organization_id.eq(organization::id.nullable())),
            )
            .left_join(
                ballot_position::table.on(ballot_position::id
                    .nullable()
                    .eq(campaign::position_id)
                    .or(ballot_position::id.nullable().eq(elected_office::position_id))
                    .assume_not_null()),
            )
            .select((
                OrganizationRow::as_select(),
                OwnerRow::as_select(),
                Option::<CampaignChild>::as_select(),
                Option::<OfficeChild>::as_select(),
                campaign::details.nullable().retrieve_as_text("electionDate"),
                Option::<PositionRow>::as_select(),
                ballot_position::verified_at.nullable(),
                campaign::details.nullable().eq(Value::Null),
            ))
    };
}

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

    fn find(
        &mut self,
        reference: &OrganizationReference,
        owner: Option<UserId>,
    ) -> Result<Option<OrganizationItem>, StoreError> {
        let mut query = with_children!().into_boxed();
        query = match reference {
            OrganizationReference::Ours(id) => query.filter(organization::id.eq(id.0)),
            OrganizationReference::Clerk(id) => {
                query.filter(organization::clerk_organization_id.eq(id.as_str()))
            }
        };
        if let Some(owner) = owner {
            query = query.filter(organization::owner_id.eq(owner.0));
        }
        let row: Option<Row> = query.first(self.connection).optional().map_err(store_error)?;
        Ok(row.map(item))
    }

    fn find_of_office(
        &mut self,
        office: &ElectedOfficeId,
        owner: UserId,
    ) -> Result<Option<OrganizationItem>, StoreError> {
        let row: Option<Row> = with_children!()
            .filter(elected_office::id.eq(&office.0).and(organization::owner_id.eq(owner.0)))
            .first(self.connection)
            .optional()
            .map_err(store_error)?;
        Ok(row.map(item))
    }

    fn won(&mut self, owner: UserId) -> Result<Vec<OrganizationId>, StoreError> {
        let keys: Vec<Option<String>> = organization::table
            .filter(organization::owner_id.eq(owner.0).and(organization::kind.eq(ELECTED_OFFICE)))
            .select(organization::request_key)
            .load(self.connection)
            .map_err(store_error)?;
        Ok(keys.iter().flatten().filter_map(|key| RequestKey::won_campaign(key)).collect())
    }

    fn of_owner(&mut self, owner: UserId) -> Result<Vec<OrganizationItem>, StoreError> {
        let rows: Vec<Row> = with_children!()
            .filter(organization::owner_id.eq(owner.0))
            .order(organization::id)
            .load(self.connection)
            .map_err(store_error)?;
        Ok(rows.into_iter().map(item).collect())
    }

    fn touch(&mut self, id: OrganizationId, now: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::update(organization::table.find(id.0))
            .set(organization::updated_at.eq(now))
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn act_as(&mut self, actor: &str) -> Result<(), StoreError> {
        diesel::sql_query("SELECT set_config('winserve.actor', $1, true)")
            .bind::<Text, _>(actor)
            .execute(self.connection)
            .map(drop)
            .map_err(store_error)
    }

    fn events(
        &mut self,
        after: EventCursor,
        limit: i64,
    ) -> Result<Vec<OrganizationEvent>, StoreError> {
        let rows: Vec<EventRow> = diesel::sql_query(EVENTS)
            .bind::<Text, _>(after.transaction.to_string())
            .bind::<BigInt, _>(after.sequence)
            .bind::<BigInt, _>(limit)
            .load(self.connection)
            .map_err(store_error)?;
        rows.into_iter().map(event).collect()
    }

    fn history(
        &mut self,
        id: OrganizationId,
        limit: i64,
    ) -> Result<Vec<OrganizationEvent>, StoreError> {
        let rows: Vec<EventRow> = diesel::sql_query(HISTORY)
            .bind::<SqlUuid, _>(id.0)
            .bind::<BigInt, _>(limit)
            .load(self.connection)
            .map_err(store_error)?;
        rows.into_iter().map(event).collect()
    }

    fn page(
        &mut self,
        filter: &OrganizationFilter,
    ) -> Result<(Vec<OrganizationItem>, i64), StoreError> {
        let mut query = with_children!().into_boxed();
        let mut count = organization::table
            .inner_join(user::table.on(user::id.eq(organization::owner_id)))
            .select(count_star())
            .into_boxed();
        match &filter.id {
            Some(OrganizationReference::Ours(id)) => {
                query = query.filter(organization::id.eq(id.0));
                count = count.filter(organization::id.eq(id.0));
            }
            Some(OrganizationReference::Clerk(id)) => {
                query = query.filter(organization::clerk_organization_id.eq(id.as_str()));
                count = count.filter(organization::clerk_organization_id.eq(id.as_str()));
            }
            None => {}
        }
        if let Some(part) = &filter.email {
            let pattern = format!("%{}%", escaped(part));
            query = query.filter(user::email.ilike(pattern.clone()));
            count = count.filter(user::email.ilike(pattern));
        }
        if let Some(text) = &filter.text {
            let pattern = format!("%{}%", escaped(text));
            query = query.filter(users::named_like(pattern.clone()));
            count = count.filter(users::named_like(pattern));
        }
        let rows: Vec<Row> = query
            .order(organization::id)
            .offset(filter.offset)
            .limit(filter.limit)
            .load(self.connection)
            .map_err(store_error)?;
        let total = count.get_result(self.connection).map_err(store_error)?;
        Ok((rows.into_iter().map(item).collect(), total))
    }
}

#[derive(QueryableByName)]
struct EventRow {
    #[diesel(sql_type = Text)]
    transaction: String,
    #[diesel(sql_type = BigInt)]
    sequence: i64,
    #[diesel(sql_type = SqlUuid)]
    organization_id: Uuid,
    #[diesel(sql_type = Integer)]
    owner_id: i32,
    #[diesel(sql_type = Text)]
    actor: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    before: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    after: Option<Value>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

fn event(row: EventRow) -> Result<OrganizationEvent, StoreError> {
    let unreadable = |source: Box<dyn Error + Send + Sync>| StoreError::Inconsistent {
        table: "organization_event",
        row: row.sequence.to_string(),
        source,
    };
    let facts = |value: Option<Value>| {
        value.map(EventFacts::deserialize).transpose().map_err(|error| unreadable(error.into()))
    };
    let transaction =
        row.transaction.parse().map_err(|error: ParseIntError| unreadable(error.into()))?;
    Ok(OrganizationEvent {
        cursor: EventCursor { transaction, sequence: row.sequence },
        organization: OrganizationId(row.organization_id),
        owner: UserId(row.owner_id),
        actor: row.actor,
        kind: row.kind,
        before: facts(row.before)?,
        after: facts(row.after)?,
        created_at: row.created_at,
    })
}

/// The item of a row, marked if something is wrong.
fn item(row: Row) -> OrganizationItem {
    let (row, owner, campaign, office, election_date, position, verified_at, no_details) = row;
    let (own, manual) = match (&campaign, &office) {
        (Some(child), _) => {
            let district = (
                child.l2_district_id.clone(),
                child.l2_district_type.clone(),
                child.l2_district_name.clone(),
            );
            (Some(district), child.district_manually_set)
        }
        (None, Some(child)) => {
            let district = (
                child.l2_district_id.clone(),
                child.l2_district_type.clone(),
                child.l2_district_name.clone(),
            );
            (Some(district), child.district_manually_set)
        }
        (None, None) => (None, false),
    };
    let can_download_federal = campaign
        .as_ref()
        .map(|child| child.can_download_federal)
        .or(office.as_ref().map(|child| child.can_download_federal))
        .unwrap_or_default();
    let link = link(own, manual, position);
    let electorate = link.as_ref().ok().map(|link| {
        let is_unverified = is_unverified(&link.position.id, verified_at);
        let electorate = Electorate::new(link, is_unverified, can_download_federal);
        if no_details == Some(true) { electorate.without_details() } else { electorate }
    });
    let kind = if row.kind == CAMPAIGN {
        OrganizationKind::Campaign
    } else {
        OrganizationKind::ElectedOffice
    };
    OrganizationItem {
        id: OrganizationId(row.id),
        owner: OrganizationOwner {
            id: UserId(row.owner_id),
            email: owner.email,
            first_name: owner.first_name,
            last_name: owner.last_name,
            phone: owner.phone,
        },
        kind,
        clerk_organization_id: row.clerk_organization_id,
        created_at: row.created_at,
        updated_at: row.updated_at,
        can_download_federal,
        is_paid_for: campaign.as_ref().is_some_and(|child| child.is_pro.unwrap_or_default()),
        keeps_filters: true,
        electorate,
        problem: link.as_ref().err().copied(),
        link: link.ok(),
        campaign: campaign.map(|campaign| CampaignSummary {
            id: CampaignId(campaign.id),
            slug: campaign.slug,
            is_active: campaign.is_active,
            is_pro: campaign.is_pro.unwrap_or_default(),
            did_win: campaign.did_win,
            election_date,
        }),
        elected_office: office.map(|office| OfficeSummary {
            id: ElectedOfficeId(office.id),
            term: Term {
                elected_date: office.elected_date,
                sworn_in_date: office.sworn_in_date,
                term_start_date: office.term_start_date,
                term_end_date: office.term_end_date,
                term_length_days: office.term_length_days,
                is_active: office.is_active,
            },
        }),
    }
}

fn link(
    own: Option<StoredDistrict>,
    district_manually_set: bool,
    position: Option<PositionRow>,
) -> Result<PositionLink, OrganizationProblem> {
    let own = own.ok_or(OrganizationProblem::NoChild)?;
    let position = position.ok_or(OrganizationProblem::NoPosition)?;
    let position = BallotPosition::try_from(position).map_err(|error| {
        tracing::error!(%error, "an organization's position cannot be read");
        OrganizationProblem::Unreadable
    })?;
    let district_override = read_district(own).ok_or(OrganizationProblem::Unreadable)?;
    Ok(PositionLink { position, district_override, district_manually_set })
}
