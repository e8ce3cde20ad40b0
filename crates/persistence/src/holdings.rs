//! Reads a user with everything they hold in every request: one statement.

use chrono::{DateTime, Utc};
use diesel::{dsl::sql, expression::SqlLiteral, pg::Pg, prelude::*, sql_types::BigInt};
use uuid::Uuid;
use winserve_domain::{
    base::{CampaignId, ElectedOfficeId, OrganizationId},
    clerk::ClerkOrganizationId,
    organizations::{Holder, Holding},
    users::UserReference,
};

use crate::{
    schema::{user, user_holding},
    users::UserRow,
};

/// A user with everything they hold.
pub(crate) struct Found {
    pub(crate) user: UserRow,
    pub(crate) holdings: Vec<Holding>,
    pub(crate) legacy_tokens_after: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = user_holding, check_for_backend(Pg))]
struct HoldingRow {
    campaign_id: Option<i32>,
    elected_office_id: Option<String>,
    organization_id: Option<Uuid>,
    clerk_organization_id: Option<String>,
    is_live: bool,
    is_pro: Option<bool>,
}

/// The stored size of a campaign's JSON: compressed, and known without reading it.
pub fn json_bytes(campaign: &str) -> SqlLiteral<BigInt> {
    sql(&format!(
        "coalesce((
            SELECT coalesce(pg_column_size(c.data), 0) + coalesce(pg_column_size(c.details), 0)
                + coalesce(pg_column_size(c.ai_content), 0)
                + coalesce(pg_column_size(c.vendor_ts_data), 0)
                + coalesce(pg_column_size(g.data), 0)
            FROM campaign c LEFT JOIN path_to_victory g ON g.campaign_id = c.id
            WHERE c.id = {campaign}
        ), 0)::bigint"
    ))
}

/// The user with the time when their earlier tokens became invalid, and one holding with the size
/// of its JSON.
type Row = (UserRow, Option<DateTime<Utc>>, Option<HoldingRow>, i64);

pub(crate) fn load(
    connection: &mut PgConnection,
    reference: &UserReference,
) -> QueryResult<Option<Found>> {
    let query =
        user::table.left_join(user_holding::table.on(user_holding::user_id.eq(user::id))).select((
            UserRow::as_select(),
            user::legacy_tokens_after,
            Option::<HoldingRow>::as_select(),
            json_bytes("user_holding.campaign_id"),
        ));
    let rows: Vec<Row> = match reference {
        UserReference::Ours(id) => query.filter(user::id.eq(id.0)).load(connection)?,
        UserReference::Clerk(id) => {
            query.filter(user::clerk_id.eq(id.as_str())).load(connection)?
        }
    };
    let mut found = None;
    let mut holdings = Vec::new();
    for (user, legacy_tokens_after, held, json_bytes) in rows {
        holdings.extend(held.and_then(|held| holding(held, json_bytes)));
        found = found.or(Some((user, legacy_tokens_after)));
    }
    Ok(found.map(|(user, legacy_tokens_after)| Found { user, holdings, legacy_tokens_after }))
}

fn holding(row: HoldingRow, json_bytes: i64) -> Option<Holding> {
    let campaign = row.campaign_id.map(|id| Holder::Campaign(CampaignId(id)));
    let office = row.elected_office_id.map(|id| Holder::ElectedOffice(ElectedOfficeId(id)));
    Some(Holding {
        holder: campaign.or(office)?,
        organization: row.organization_id.map(OrganizationId),
        // An invalid Clerk id cannot be named in a request; it must not lock out its owner.
        clerk_organization: row
            .clerk_organization_id
            .as_deref()
            .and_then(ClerkOrganizationId::parse),
        is_live: row.is_live,
        is_paid_for: row.is_pro.unwrap_or_default(),
        json_bytes: u64::try_from(json_bytes).unwrap_or_default(),
    })
}
