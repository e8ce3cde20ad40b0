//! Attaches saved filters to the organization of their campaign.

use diesel::{prelude::*, sql_types::BigInt};

use super::{Counts, Cut, CutRow, LastKey, Range, Remaining};

/// Ids in the format of the key walk.
fn key(text: Option<&str>, default: i64) -> i64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The next filters of campaigns without an organization, after one key and through another.
///
/// # Errors
/// If the database fails.
pub fn cut_filters(
    connection: &mut PgConnection,
    after: Option<&str>,
    through: Option<&str>,
    limit: i64,
) -> QueryResult<Option<Cut>> {
    diesel::sql_query(
        "SELECT max(id)::text AS through, count(*) AS rows FROM (
             SELECT id FROM voter_file_filter
             WHERE organization_id IS NULL AND campaign_id IS NOT NULL AND id > $1 AND id <= $2
             ORDER BY id LIMIT $3) AS cut",
    )
    .bind::<BigInt, _>(key(after, i64::MIN))
    .bind::<BigInt, _>(key(through, i64::MAX))
    .bind::<BigInt, _>(limit)
    .get_result::<CutRow>(connection)
    .map(Into::into)
}

/// Sets the organization of the unlocked filters of a range, within the transaction that publishes
/// their batch. Nothing else in a filter changes, not even its update time.
///
/// # Errors
/// If the database fails.
pub fn assign_filters(connection: &mut PgConnection, range: &Range) -> QueryResult<Counts> {
    let wanting = cut_filters(connection, range.after.as_deref(), Some(&range.through), i64::MAX)?;
    let examined = wanting.map_or(0, |cut| i32::try_from(cut.rows).unwrap_or(i32::MAX));
    let assigned = diesel::sql_query(
        "WITH held AS (
             SELECT filter.id, campaign.organization_id
             FROM voter_file_filter AS filter JOIN campaign ON campaign.id = filter.campaign_id
             WHERE filter.organization_id IS NULL AND campaign.organization_id IS NOT NULL
               AND filter.id > $1 AND filter.id <= $2
             ORDER BY filter.id
             FOR NO KEY UPDATE OF filter SKIP LOCKED
         )
         UPDATE voter_file_filter SET organization_id = held.organization_id, organization_type = 'campaign'
         FROM held WHERE voter_file_filter.id = held.id",
    )
    .bind::<BigInt, _>(key(range.after.as_deref(), i64::MIN))
    .bind::<BigInt, _>(key(Some(&range.through), i64::MAX))
    .execute(connection)?;
    let changed = i32::try_from(assigned).unwrap_or(i32::MAX);
    Ok(Counts { examined, changed, skipped: (examined - changed).max(0), ..Counts::default() })
}

/// The last key; `"0"` without filters.
///
/// # Errors
/// If the database fails.
pub fn last_filter(connection: &mut PgConnection) -> QueryResult<String> {
    diesel::sql_query("SELECT coalesce(max(id), 0)::text AS key FROM voter_file_filter")
        .get_result(connection)
        .map(|LastKey { key }| key)
}

/// How many filters through a key have no organization, with the first keys. A filter without a
/// campaign belongs to nobody; a verification finds it.
///
/// # Errors
/// If the database fails.
pub fn remaining_filters(
    connection: &mut PgConnection,
    through: Option<&str>,
    examples: i64,
) -> QueryResult<Remaining> {
    // As JSON: an earlier build dropped the column.
    let query = "SELECT id AS key FROM voter_file_filter AS filter
                 WHERE organization_id IS NULL AND to_jsonb(filter)->>'campaign_id' IS NOT NULL
                   AND ($4 IS NULL OR id <= $4::bigint)";
    Remaining::of(connection, "voter_file_filter", query, through, examples)
}
