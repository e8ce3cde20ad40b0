//! The admins' list of campaigns.

use diesel::{
    dsl::sql,
    pg::{Pg, PgRowByRowLoadingMode},
    prelude::*,
    sql_types::{Bool, Nullable, Text},
};
use winserve_domain::{
    base::{StoreError, unreadable::JsonColumn},
    campaigns::{CampaignFilter, ListedCampaign, Owner},
};

use crate::{
    campaigns::{CampaignRow, Held, PathToVictoryRow, organization_column},
    error::store_error,
    json::StoredJson,
    layout::Layout,
    legacy_filters::{in_state, of_level},
    limits::Limits,
    schema::{ballot_position, campaign, path_to_victory, user},
    tables::links::link_column,
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = user, check_for_backend(Pg))]
struct OwnerRow {
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    email: String,
    meta_data: Option<StoredJson>,
}

/// Keys of positions, as nullable foreign keys.
type PositionKeys<'f> = ballot_position::BoxedQuery<'f, Pg, Nullable<Text>>;

type Row = (CampaignRow, Held, OwnerRow, Option<PathToVictoryRow>);

/// The campaigns that match a filter, by id.
pub(crate) fn list(
    connection: &mut PgConnection,
    layout: Layout,
    limits: Limits,
    filter: &CampaignFilter,
) -> Result<Vec<ListedCampaign>, StoreError> {
    let mut query = campaign::table
        .inner_join(user::table)
        .left_join(path_to_victory::table)
        .select((
            CampaignRow::as_select(),
            (organization_column(layout), link_column(layout)),
            OwnerRow::as_select(),
            Option::<PathToVictoryRow>::as_select(),
        ))
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
    if layout.reads_tables() {
        if filter.state.is_some() || filter.level.is_some() {
            query = query.filter(campaign::position_id.eq_any(positions_of(filter)));
        }
    } else {
        if let Some(code) = &filter.state {
            query = query.filter(in_state(code));
        }
        if let Some(level) = filter.level {
            query = query.filter(of_level(level));
        }
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
    let rows = query.load_iter::<Row, PgRowByRowLoadingMode>(connection).map_err(store_error)?;
    Ok(limits.collect(rows)?.into_iter().map(listed).collect())
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

fn listed((row, held, owner, goals): Row) -> ListedCampaign {
    let campaign = row.with(held, goals);
    let OwnerRow { first_name, last_name, phone, email, meta_data } = owner;
    let mut unreadable = Vec::new();
    let meta_data = meta_data.map(|json| json.of(JsonColumn::MetaData, &mut unreadable));
    let owner = Owner { first_name, last_name, phone, email, meta_data, unreadable };
    ListedCampaign { campaign, owner }
}

/// A text as a pattern that matches only itself.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}
