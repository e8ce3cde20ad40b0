//! Reads a whole legacy database page by page, without locks.

use diesel::{
    pg::PgRowByRowLoadingMode,
    prelude::*,
    sql_types::{Array, BigInt, Integer, Jsonb, Nullable},
};
use serde_json::Value;
use winserve_domain::base::{
    CampaignId, StoreError,
    unreadable::{JsonColumn, Unreadable},
};

use crate::sql::{is_anything_of_phase_3_enforced, unhurried};
use winserve_persistence::{json::StoredJson, store_error};

/// The JSON of a campaign, and the number of elected offices won from it.
#[derive(Debug)]
pub struct HolderRow {
    /// The campaign.
    pub campaign: CampaignId,
    /// The readable part of `campaign.details`.
    pub details: Value,
    /// The readable part of `path_to_victory.data`, if there is a row.
    pub path_to_victory: Option<Value>,
    /// The unreadable parts of both.
    pub unreadable: Vec<Unreadable>,
    /// Rows of `elected_office` of the campaign.
    pub elected_offices: i64,
}

#[derive(QueryableByName)]
struct ScannedRow {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Jsonb)]
    details: StoredJson,
    #[diesel(sql_type = Nullable<Jsonb>)]
    path_to_victory: Option<StoredJson>,
    #[diesel(sql_type = BigInt)]
    elected_offices: i64,
}

/// The next `limit` campaigns by id, after the one given.
///
/// # Errors
/// [`StoreError`].
pub fn campaigns_after(
    connection: &mut PgConnection,
    after: Option<CampaignId>,
    limit: i64,
) -> Result<Vec<HolderRow>, StoreError> {
    let offices = if is_anything_of_phase_3_enforced(connection).map_err(store_error)? {
        "organization AS its WHERE type = 'elected_office' AND its.owner_id = campaign.user_id
             AND left(its.request_key, 40) = 'won:' || campaign.organization_id"
    } else {
        "elected_office WHERE campaign_id = campaign.id"
    };
    let rows: Vec<ScannedRow> = diesel::sql_query(format!(
        "SELECT campaign.id, campaign.details, path_to_victory.data AS path_to_victory,
                (SELECT count(*) FROM {offices}) AS elected_offices
         FROM campaign LEFT JOIN path_to_victory ON path_to_victory.campaign_id = campaign.id
         WHERE campaign.id > $1 ORDER BY campaign.id LIMIT $2"
    ))
    .bind::<Integer, _>(after.map_or(i32::MIN, |id| id.0))
    .bind::<BigInt, _>(limit)
    .load(connection)
    .map_err(store_error)?;
    Ok(rows.into_iter().map(HolderRow::from).collect())
}

impl From<ScannedRow> for HolderRow {
    fn from(row: ScannedRow) -> Self {
        let mut unreadable = Vec::new();
        Self {
            campaign: CampaignId(row.id),
            details: row.details.of(JsonColumn::Details, &mut unreadable),
            path_to_victory: row
                .path_to_victory
                .map(|json| json.of(JsonColumn::PathToVictory, &mut unreadable)),
            unreadable,
            elected_offices: row.elected_offices,
        }
    }
}

/// E-mail addresses shared by several users, with different case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SharedEmails {
    /// How many there are.
    pub total: i64,
    /// The users of the first ones, by id.
    pub users: Vec<Vec<i32>>,
}

#[derive(QueryableByName)]
struct SharedEmailRow {
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = Array<Integer>)]
    users: Vec<i32>,
}

/// E-mail addresses shared by several users, with the users of the first `limit` addresses.
///
/// # Errors
/// [`StoreError`].
pub fn shared_emails(
    connection: &mut PgConnection,
    limit: i64,
) -> Result<SharedEmails, StoreError> {
    let rows: Vec<SharedEmailRow> = diesel::sql_query(
        r#"SELECT count(*) OVER () AS total, array_agg(id ORDER BY id) AS users
           FROM "user" GROUP BY lower(email) HAVING count(*) > 1 ORDER BY min(id) LIMIT $1"#,
    )
    .bind::<BigInt, _>(limit)
    .load(connection)
    .map_err(store_error)?;
    let total = rows.first().map_or(0, |row| row.total);
    Ok(SharedEmails { total, users: rows.into_iter().map(|row| row.users).collect() })
}

/// Counts that need several rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct LegacyCounts {
    /// Users.
    #[diesel(sql_type = BigInt)]
    pub users: i64,
    /// Users with more than one campaign.
    #[diesel(sql_type = BigInt)]
    pub users_with_several_campaigns: i64,
    /// Users with more than one active elected office.
    #[diesel(sql_type = BigInt)]
    pub users_with_several_active_offices: i64,
    /// Campaigns from which more than one elected office was won.
    #[diesel(sql_type = BigInt)]
    pub campaigns_with_several_offices: i64,
    /// Rows of voter goals.
    #[diesel(sql_type = BigInt)]
    pub path_to_victory: i64,
    /// Saved voter filters.
    #[diesel(sql_type = BigInt)]
    pub voter_file_filters: i64,
}

/// Counts over whole tables, in one statement and so in one snapshot.
///
/// # Errors
/// [`StoreError`].
pub fn legacy_counts(connection: &mut PgConnection) -> Result<LegacyCounts, StoreError> {
    diesel::sql_query(
        r#"SELECT
            (SELECT count(*) FROM "user") AS users,
            (SELECT count(*) FROM (SELECT FROM campaign GROUP BY user_id HAVING count(*) > 1) AS several)
                AS users_with_several_campaigns,
            (SELECT count(*) FROM (SELECT FROM elected_office WHERE is_active
                                   GROUP BY user_id HAVING count(*) > 1) AS several)
                AS users_with_several_active_offices,
            (SELECT count(*) FROM (SELECT FROM elected_office
                                   GROUP BY to_jsonb(elected_office)->>'campaign_id'
                                   HAVING to_jsonb(elected_office)->>'campaign_id' IS NOT NULL AND count(*) > 1) AS several)
                AS campaigns_with_several_offices,
            (SELECT count(*) FROM path_to_victory) AS path_to_victory,
            (SELECT count(*) FROM voter_file_filter) AS voter_file_filters"#,
    )
    .get_result(connection)
    .map_err(store_error)
}

/// A row with unreadable JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Its key.
    pub row: i32,
    /// The column.
    pub column: JsonColumn,
    /// [`Unreadable::path`]; not the text itself, which may be large.
    pub path: String,
}

/// Finds values that may contain a number that is too large or nest too deeply; most values do
/// neither. Not with a JSON path, which itself fails on deep nesting.
const SUSPICIOUS: &str =
    "text ~ '[0-9]{255}' OR length(text) - length(translate(text, '[{', '')) > 100";

/// All unreadable JSON in the old tables, ordered by column and row.
///
/// # Errors
/// If the database fails.
pub fn unreadable_rows(connection: &mut PgConnection) -> QueryResult<Vec<UnreadableRow>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        id: i32,
        #[diesel(sql_type = Jsonb)]
        value: StoredJson,
    }
    let mut found = Vec::new();
    for column in JsonColumn::ALL {
        let query = format!(
            "SELECT id, value FROM (SELECT id, {name} AS value, {name}::text AS text FROM \"{table}\" OFFSET 0) AS read
             WHERE {SUSPICIOUS} ORDER BY id",
            name = column.name(),
            table = column.table(),
        );
        unhurried(connection, |connection| {
            let query = diesel::sql_query(query);
            for row in query.load_iter::<Row, PgRowByRowLoadingMode>(connection)? {
                let Row { id, value } = row?;
                let mut parts = Vec::new();
                value.of(column, &mut parts);
                found.extend(parts.iter().map(|part| UnreadableRow {
                    row: id,
                    column,
                    path: part.path(),
                }));
            }
            Ok(())
        })?;
    }
    Ok(found)
}
