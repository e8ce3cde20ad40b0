//! Rows that need a person.

use std::collections::BTreeMap;

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use serde::Serialize;
use uuid::Uuid;
use winserve_domain::base::unreadable::JsonColumn;

use super::look_ups::{Unanswered, forget_answered};
use crate::legacy::UnreadableRow;

/// Code of a row that the database rejects.
pub const ROW_REFUSED: &str = "row-refused";

/// Code of a position that election-api did not answer, although it answers other requests.
pub const POSITION_UNANSWERED: &str = "position-unanswered";
/// Code of a position whose name or state is missing in election-api's answer.
pub const POSITION_INCOMPLETE: &str = "position-incomplete";
/// Code of a district, named by a position or campaign, that election-api did not answer.
pub const DISTRICT_UNANSWERED: &str = "district-unanswered";

/// Codes of lookups that election-api did not answer completely.
pub(super) const UNANSWERED: &[&str] =
    &[POSITION_UNANSWERED, POSITION_INCOMPLETE, DISTRICT_UNANSWERED];
/// Codes of rejections and unanswered lookups: a run with too many of them stops.
pub(super) const REFUSALS: [&str; 4] =
    [ROW_REFUSED, POSITION_UNANSWERED, POSITION_INCOMPLETE, DISTRICT_UNANSWERED];

/// An entry of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key of the row.
    pub key: String,
    /// What is wrong.
    pub code: &'static str,
    /// Details, without personal data.
    pub detail: Option<String>,
}

/// Replaces the entries of rows: outdated entries of `keys` are deleted.
///
/// # Errors
/// If the database fails.
pub fn quarantine(
    connection: &mut PgConnection,
    run: Uuid,
    table: &str,
    keys: &[String],
    entries: &[Entry],
) -> QueryResult<()> {
    diesel::sql_query(
        "DELETE FROM backfill_quarantine WHERE source_table = $1 AND source_key = ANY($2)",
    )
    .bind::<Text, _>(table)
    .bind::<Array<Text>, _>(keys)
    .execute(connection)?;
    insert(connection, run, table, entries)
}

/// Like [`quarantine`], for a run that does not ask election-api: unanswered lookups stay until
/// they are resolved.
///
/// # Errors
/// If the database fails.
pub fn quarantine_without_asking(
    connection: &mut PgConnection,
    run: Uuid,
    table: &str,
    keys: &[String],
    entries: &[Entry],
) -> QueryResult<()> {
    diesel::sql_query(
        "DELETE FROM backfill_quarantine
         WHERE source_table = $1 AND source_key = ANY($2) AND code <> ALL($3)",
    )
    .bind::<Text, _>(table)
    .bind::<Array<Text>, _>(keys)
    .bind::<Array<Text>, _>(UNANSWERED)
    .execute(connection)?;
    forget_answered(connection, &Unanswered { keys: Some(keys), code: None })?;
    insert(connection, run, table, entries)
}

fn insert(
    connection: &mut PgConnection,
    run: Uuid,
    table: &str,
    entries: &[Entry],
) -> QueryResult<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let codes: Vec<&str> = entries.iter().map(|entry| entry.code).collect();
    let details: Vec<Option<&str>> = entries.iter().map(|entry| entry.detail.as_deref()).collect();
    diesel::sql_query(
        "INSERT INTO backfill_quarantine (source_table, source_key, code, detail, run_id)
         SELECT $1, key, code, detail, $5 FROM unnest($2, $3, $4) AS entry (key, code, detail)
         ORDER BY key, code
         ON CONFLICT (source_table, source_key, code) DO UPDATE
             SET detail = excluded.detail, run_id = excluded.run_id",
    )
    .bind::<Text, _>(table)
    .bind::<Array<Text>, _>(keys)
    .bind::<Array<Text>, _>(codes)
    .bind::<Array<Nullable<Text>>, _>(details)
    .bind::<SqlUuid, _>(run)
    .execute(connection)
    .map(drop)
}

/// Replaces the entries of all unreadable JSON, and returns their number. Their codes are those of
/// [`JsonColumn::problem`].
///
/// # Errors
/// If the database fails.
pub fn quarantine_unreadable(
    connection: &mut PgConnection,
    run: Uuid,
    rows: &[UnreadableRow],
) -> QueryResult<usize> {
    let codes = JsonColumn::ALL.map(JsonColumn::problem);
    let tables: Vec<_> = rows.iter().map(|it| it.column.table()).collect();
    let keys: Vec<_> = rows.iter().map(|it| it.row.to_string()).collect();
    let found: Vec<_> = rows.iter().map(|it| it.column.problem()).collect();
    let paths: Vec<_> = rows.iter().map(|it| it.path.as_str()).collect();
    connection.transaction(|connection| {
        diesel::sql_query("DELETE FROM backfill_quarantine WHERE code = ANY($1)")
            .bind::<Array<Text>, _>(codes.as_slice())
            .execute(connection)?;
        diesel::sql_query(
            "INSERT INTO backfill_quarantine (source_table, source_key, code, detail, run_id)
             SELECT \"table\", key, code, string_agg(path, ', ' ORDER BY path), $5
             FROM unnest($1, $2, $3, $4) AS entry (\"table\", key, code, path)
             GROUP BY \"table\", key, code ORDER BY \"table\", key, code",
        )
        .bind::<Array<Text>, _>(tables)
        .bind::<Array<Text>, _>(keys)
        .bind::<Array<Text>, _>(found)
        .bind::<Array<Text>, _>(paths)
        .bind::<SqlUuid, _>(run)
        .execute(connection)
    })
}

#[derive(QueryableByName)]
struct CodeCount {
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// How many rows of a table are in quarantine, by code.
///
/// # Errors
/// If the database fails.
pub fn codes(connection: &mut PgConnection, table: &str) -> QueryResult<BTreeMap<String, i64>> {
    let counts: Vec<CodeCount> = diesel::sql_query(
        "SELECT code, count(*) AS rows FROM backfill_quarantine WHERE source_table = $1 GROUP BY code",
    )
    .bind::<Text, _>(table)
    .load(connection)?;
    Ok(counts.into_iter().map(|count| (count.code, count.rows)).collect())
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, QueryableByName)]
pub struct Quarantined {
    /// Table of the row; `clerk_outbox` for a dead letter.
    #[diesel(sql_type = Text)]
    pub table: String,
    /// Its key; the organization of a dead letter.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// What is wrong.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// More of it.
    #[diesel(sql_type = Nullable<Text>)]
    pub detail: Option<String>,
    /// Since when, in UTC.
    #[diesel(sql_type = Text)]
    pub at: String,
}

/// Entries of all tables, or those of one key: the first ones, by table, code and key.
///
/// # Errors
/// If the database fails.
pub fn in_quarantine(
    connection: &mut PgConnection,
    key: Option<&str>,
    limit: i64,
) -> QueryResult<Vec<Quarantined>> {
    diesel::sql_query(
        "SELECT source_table AS table, source_key AS key, code, detail,
                to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS at
         FROM backfill_quarantine WHERE source_key = coalesce($1, source_key)
         ORDER BY source_table, code, source_key LIMIT $2",
    )
    .bind::<Nullable<Text>, _>(key)
    .bind::<BigInt, _>(limit)
    .load(connection)
}

/// The last rejection in a run: key, code and reason.
///
/// # Errors
/// If the database fails.
pub fn last_refusal(connection: &mut PgConnection, run: Uuid) -> QueryResult<Option<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        refusal: String,
    }
    diesel::sql_query(
        "SELECT concat_ws(': ', source_key, code, detail) AS refusal FROM backfill_quarantine
         WHERE run_id = $1 AND code = ANY($2) ORDER BY recorded_at DESC, source_key LIMIT 1",
    )
    .bind::<SqlUuid, _>(run)
    .bind::<Array<Text>, _>(REFUSALS.as_slice())
    .get_result(connection)
    .optional()
    .map(|row: Option<Row>| row.map(|row| row.refusal))
}

/// Removes the entries of rows that were rejected once and are processed now.
///
/// # Errors
/// If the database fails.
pub fn forget_refusals(connection: &mut PgConnection, table: &str) -> QueryResult<()> {
    diesel::sql_query("DELETE FROM backfill_quarantine WHERE source_table = $1 AND code = $2")
        .bind::<Text, _>(table)
        .bind::<Text, _>(ROW_REFUSED)
        .execute(connection)
        .map(drop)
}
