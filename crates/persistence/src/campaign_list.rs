//! The admins' list of campaigns.

use diesel::{
    dsl::{InnerJoin, IntoBoxed, LeftJoin, sql},
    pg::{Pg, PgRowByRowLoadingMode},
    prelude::*,
    sql_types::{Bool, Nullable, Text},
};
use winserve_domain::{
    base::{StoreError, unreadable::JsonColumn},
    campaigns::{Campaign, CampaignFilter, ListedCampaign, Owner},
};

use crate::{
    campaigns::{CampaignRow, Linked, PathToVictoryRow},
    error::store_error,
    json::StoredJson,
    like::escaped,
    limits::Limits,
    schema::{ballot_position, campaign, path_to_victory, user},
    tables::{clerk_id::ClerkIdOf, links::LinkColumn},
};

// Days are stored as texts, which sort like days; anything else is not a day. A day follows.
const PRIMARY_FROM: &str = r#"jsonb_typeof(campaign.details -> 'primaryElectionDate') = 'string'
    AND (campaign.details ->> 'primaryElectionDate') COLLATE "C" >= "#;
const PRIMARY_UNTIL: &str = r#"jsonb_typeof(campaign.details -> 'primaryElectionDate') = 'string'
    AND (campaign.details ->> 'primaryElectionDate') COLLATE "C" <= "#;
const GENERAL_FROM: &str = r#"jsonb_typeof(campaign.details -> 'electionDate') = 'string'
    AND (campaign.details ->> 'electionDate') COLLATE "C" >= "#;
const GENERAL_UNTIL: &str = r#"jsonb_typeof(campaign.details -> 'electionDate') = 'string'
    AND (campaign.details ->> 'electionDate') COLLATE "C" <= "#;

/// The owner of a listed campaign.
#[derive(Queryable, Selectable)]
#[diesel(table_name = user, check_for_backend(Pg))]
pub struct OwnerRow {
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    email: String,
    meta_data: Option<StoredJson>,
}

/// Keys of positions, as nullable foreign keys.
type PositionKeys<'f> = ballot_position::BoxedQuery<'f, Pg, Nullable<Text>>;

type Row = (CampaignRow, Linked, OwnerRow, Option<PathToVictoryRow>);

/// A query of campaigns with owners and voter goals, before its columns are selected.
pub type Matching<'f> =
    IntoBoxed<'f, LeftJoin<InnerJoin<campaign::table, user::table>, path_to_victory::table>, Pg>;

/// The campaigns that match a filter, by id.
pub(crate) fn list(
    connection: &mut PgConnection,
    limits: Limits,
    filter: &CampaignFilter,
) -> Result<Vec<ListedCampaign>, StoreError> {
    let mut query = matching(filter);
    if filter.state.is_some() || filter.level.is_some() {
        query = query.filter(campaign::position_id.eq_any(positions_of(filter)));
    }
    let rows = query
        .select((
            CampaignRow::as_select(),
            ((campaign::organization_id, ClerkIdOf(campaign::organization_id)), LinkColumn),
            OwnerRow::as_select(),
            Option::<PathToVictoryRow>::as_select(),
        ))
        .load_iter::<Row, PgRowByRowLoadingMode>(connection)
        .map_err(store_error)?;
    let rows = limits.collect(rows)?.into_iter();
    Ok(rows.map(|(row, held, owner, goals)| owner.listed(row.with(held, goals))).collect())
}

/// The campaigns that match a filter, ignoring state and level of their positions; by id.
#[must_use]
pub fn matching(filter: &CampaignFilter) -> Matching<'_> {
    let mut query = campaign::table
        .inner_join(user::table)
        .left_join(path_to_victory::table)
        .order(campaign::id)
        .into_boxed();
    if let Some(id) = filter.id {
        query = query.filter(campaign::id.eq(id.0));
    }
    if let Some(owner) = filter.user_id {
        query = query.filter(campaign::user_id.eq(owner.0));
    }
    if let Some(part) = &filter.email {
        query = query.filter(user::email.ilike(format!("%{}%", escaped(part))));
    }
    if let Some(slug) = &filter.slug {
        query = query.filter(campaign::slug.ilike(escaped(slug)));
    }
    if let Some(is_active) = filter.is_active {
        query = query.filter(campaign::is_active.eq(is_active));
    }
    if let Some(status) = &filter.p2v_status {
        let condition = sql::<Bool>("lower(path_to_victory.data ->> 'p2vStatus') = lower(");
        query = query.filter(condition.bind::<Text, _>(status).sql(")"));
    }
    for (condition, day) in [
        (PRIMARY_FROM, filter.primary_election.first),
        (PRIMARY_UNTIL, filter.primary_election.last),
        (GENERAL_FROM, filter.general_election.first),
        (GENERAL_UNTIL, filter.general_election.last),
    ] {
        if let Some(day) = day {
            query = query.filter(sql::<Bool>(condition).bind::<Text, _>(day.to_string()));
        }
    }
    query
}

/// Keys of the positions that match a filter.
fn positions_of(filter: &CampaignFilter) -> PositionKeys<'_> {
    let mut positions = ballot_position::table.select(ballot_position::id.nullable()).into_boxed();
    if let Some(code) = &filter.state {
        positions = positions.filter(ballot_position::state.eq(code));
    }
    if let Some(level) = filter.level {
        positions = positions.filter(ballot_position::ballot_level.eq(level.as_str()));
    }
    positions
}

impl OwnerRow {
    /// The campaign with this owner.
    #[must_use]
    pub fn listed(self, campaign: Campaign) -> ListedCampaign {
        let Self { first_name, last_name, phone, email, meta_data } = self;
        let mut unreadable = Vec::new();
        let meta_data = meta_data.map(|json| json.of(JsonColumn::MetaData, &mut unreadable));
        let owner = Owner { first_name, last_name, phone, email, meta_data, unreadable };
        ListedCampaign { campaign, owner }
    }
}
