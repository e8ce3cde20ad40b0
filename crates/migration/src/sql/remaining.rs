//! Unprocessed rows of a run.

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Nullable, Text},
};

use super::{ROW_REFUSED, unhurried};

/// Unprocessed rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, QueryableByName)]
pub struct Remaining {
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    /// How many of them the database rejected.
    #[diesel(sql_type = BigInt)]
    pub refused: i64,
    /// The first keys.
    #[diesel(sql_type = Array<Text>)]
    pub first: Vec<String>,
}

impl Remaining {
    /// Counts the rows of a query with one column `key`. Its `$4` is the last key to count; NULL:
    /// all keys.
    pub(crate) fn of(
        connection: &mut PgConnection,
        table: &str,
        query: &str,
        through: Option<&str>,
        examples: i64,
    ) -> QueryResult<Self> {
        let counted = format!(
            "SELECT count(*) AS rows, count(refusal.source_key) AS refused,
                 coalesce(array_agg(key::text ORDER BY key) FILTER (WHERE place <= $3), '{{}}') AS first
             FROM (SELECT key, row_number() OVER (ORDER BY key) AS place FROM ({query}) AS wanting) AS remaining
             LEFT JOIN backfill_quarantine AS refusal
                 ON refusal.source_table = $1 AND refusal.source_key = key::text AND refusal.code = $2"
        );
        unhurried(connection, |connection| {
            diesel::sql_query(counted)
                .bind::<Text, _>(table)
                .bind::<Text, _>(ROW_REFUSED)
                .bind::<BigInt, _>(examples)
                .bind::<Nullable<Text>, _>(through)
                .get_result(connection)
        })
    }
}
