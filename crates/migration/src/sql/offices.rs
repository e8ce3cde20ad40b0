//! Gives elected offices their organization and position: those of the campaign that won them.
//!
//! An office has no JSON. Its campaign was linked before, so that everything comes from tables, in
//! one statement.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};

use winserve_persistence::tables::shared_positions;

use crate::repositories::offices_of_campaigns::{UNLINKED, link};

use super::{Counts, Cut, CutRow, LastKey, Range, Remaining};

/// The next offices that need links, after one key and through another.
///
/// # Errors
/// If the database fails.
pub fn cut_offices(
    connection: &mut PgConnection,
    after: Option<&str>,
    through: Option<&str>,
    limit: i64,
) -> QueryResult<Option<Cut>> {
    diesel::sql_query(format!(
        "SELECT max(id) AS through, count(*) AS rows FROM (
             SELECT office.id FROM elected_office AS office
             WHERE ($1 IS NULL OR office.id > $1) AND ($2 IS NULL OR office.id <= $2) AND {UNLINKED}
             ORDER BY office.id LIMIT $3) AS cut"
    ))
    .bind::<Nullable<Text>, _>(after)
    .bind::<Nullable<Text>, _>(through)
    .bind::<BigInt, _>(limit)
    .get_result::<CutRow>(connection)
    .map(Into::into)
}

/// Links the offices of a range, within the transaction that publishes their batch; returns the keys
/// of those that were linked, too.
///
/// # Errors
/// If the database fails.
pub fn complete_offices(
    connection: &mut PgConnection,
    range: &Range,
) -> QueryResult<(Counts, Vec<String>)> {
    // Offices inherit the district of an unverified position, too.
    shared_positions::share_district_lock(connection)?;
    let wanting = cut_offices(connection, range.after.as_deref(), Some(&range.through), i64::MAX)?;
    let examined = wanting.map_or(0, |cut| i32::try_from(cut.rows).unwrap_or(i32::MAX));
    let wanted = format!("($1::text IS NULL OR office.id > $1) AND office.id <= $2 AND {UNLINKED}");
    let keys = link(connection, &wanted, range.after.as_deref(), &range.through)?;
    let changed = i32::try_from(keys.len()).unwrap_or(i32::MAX);
    let skipped = (examined - changed).max(0);
    Ok((Counts { examined, changed, skipped, ..Counts::default() }, keys))
}

/// The last key there is; `""` without an office.
///
/// # Errors
/// If the database fails.
pub fn last_office(connection: &mut PgConnection) -> QueryResult<String> {
    diesel::sql_query("SELECT coalesce(max(id), '') AS key FROM elected_office")
        .get_result(connection)
        .map(|LastKey { key }| key)
}

/// How many offices through a key need links, with the first keys.
///
/// # Errors
/// If the database fails.
pub fn remaining_offices(
    connection: &mut PgConnection,
    through: Option<&str>,
    examples: i64,
) -> QueryResult<Remaining> {
    let unlinked = format!(
        "SELECT office.id AS key FROM elected_office AS office
         WHERE ($4 IS NULL OR office.id <= $4) AND {UNLINKED}"
    );
    Remaining::of(connection, "elected_office", &unlinked, through, examples)
}
