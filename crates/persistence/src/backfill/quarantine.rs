//! Rows that people should look at.

use std::collections::BTreeMap;

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

/// Code of a row that the database refuses.
pub const ROW_REFUSED: &str = "row-refused";

/// An entry of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key of the row.
    pub key: String,
    /// What is wrong.
    pub code: &'static str,
    /// More of it; no personal data.
    pub detail: Option<String>,
}

/// Replaces the entries of rows: those of `keys` that are no longer true go.
///
/// # Errors
/// The database's.
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
/// The database's.
pub fn codes(connection: &mut PgConnection, table: &str) -> QueryResult<BTreeMap<String, i64>> {
    let counts: Vec<CodeCount> = diesel::sql_query(
        "SELECT code, count(*) AS rows FROM backfill_quarantine WHERE source_table = $1 GROUP BY code",
    )
    .bind::<Text, _>(table)
    .load(connection)?;
    Ok(counts.into_iter().map(|count| (count.code, count.rows)).collect())
}

/// Removes the entries of rows that were refused once: none of them wants work any more.
///
/// # Errors
/// The database's.
pub fn forget_refusals(connection: &mut PgConnection, table: &str) -> QueryResult<()> {
    diesel::sql_query("DELETE FROM backfill_quarantine WHERE source_table = $1 AND code = $2")
        .bind::<Text, _>(table)
        .bind::<Text, _>(ROW_REFUSED)
        .execute(connection)
        .map(drop)
}
