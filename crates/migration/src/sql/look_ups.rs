//! SQL of the tool for open lookups.

use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{BoxedSqlQuery, SqlQuery},
    sql_types::{Array, BigInt, Nullable, Text},
};
use winserve_domain::{
    base::StoreError,
    positions::{OpenLookups, Subject},
};

use super::quarantine::{
    DISTRICT_UNANSWERED, POSITION_INCOMPLETE, POSITION_UNANSWERED, UNANSWERED,
};
use winserve_persistence::look_ups;

/// Quarantine entries about lookups that election-api did not answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unanswered<'a> {
    /// Of these keys only.
    pub keys: Option<&'a [String]>,
    /// With this code only.
    pub code: Option<&'a str>,
}

/// Whether open lookups are recorded.
///
/// # Errors
/// If the database fails.
pub fn are_look_ups_kept(connection: &mut PgConnection) -> QueryResult<bool> {
    look_ups::are_kept(connection)
}

/// Open lookups, by kind.
///
/// # Errors
/// If the database fails.
pub fn open_look_ups(connection: &mut PgConnection) -> QueryResult<Vec<OpenLookups>> {
    look_ups::depth(connection)
}

/// Open lookups that may be asked about, oldest first, due or not.
///
/// # Errors
/// [`StoreError`].
pub fn open_questions(connection: &mut PgConnection) -> Result<Vec<Subject>, StoreError> {
    look_ups::open_questions(connection)
}

/// The campaigns whose JSON can name the district of their position now; only for these positions,
/// if any are given.
///
/// # Errors
/// [`StoreError`].
pub fn ready_campaigns(
    connection: &mut PgConnection,
    positions: Option<&[&str]>,
) -> Result<Vec<Subject>, StoreError> {
    look_ups::ready_campaigns(connection, positions)
}

/// The entries: `$1` are the codes, `$2` the keys, `$3` the code.
const ENTRIES: &str =
    "code = ANY($1) AND ($2 IS NULL OR source_key = ANY($2)) AND code = coalesce($3, code)";

/// The districts without an id that positions (`ballot_position`) and campaigns name.
const DISTRICTS: &str = "
    SELECT 'ballot_position' AS holder_table, id AS holder, jsonb_build_array(state, l2_district_type, l2_district_name)::text AS key
    FROM ballot_position
    WHERE l2_district_name IS NOT NULL AND l2_district_id IS NULL
    UNION ALL
    SELECT 'campaign', campaign.id::text, jsonb_build_array(state, campaign.l2_district_type, campaign.l2_district_name)::text
    FROM campaign JOIN ballot_position AS held ON held.id = position_id
    WHERE campaign.l2_district_name IS NOT NULL AND campaign.l2_district_id IS NULL";

/// How many entries there are.
///
/// # Errors
/// If the database fails.
pub fn count_unanswered(
    connection: &mut PgConnection,
    which: &Unanswered<'_>,
) -> QueryResult<usize> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        entries: i64,
    }
    let sql = format!("SELECT count(*) AS entries FROM backfill_quarantine WHERE {ENTRIES}");
    bind(sql, which)
        .get_result(connection)
        .map(|it: Count| usize::try_from(it.entries).unwrap_or(usize::MAX))
}

/// Records what the entries are about, and returns it.
///
/// # Errors
/// [`StoreError`].
pub fn note_quarantined(
    connection: &mut PgConnection,
    which: &Unanswered<'_>,
) -> Result<Vec<Subject>, StoreError> {
    let sql = format!(
        "WITH entry AS (SELECT source_table, source_key, code FROM backfill_quarantine WHERE {ENTRIES})
         INSERT INTO open_look_up (kind, key)
         SELECT 'position', id FROM ballot_position JOIN entry ON source_key = id
         WHERE code IN ('{POSITION_UNANSWERED}', '{POSITION_INCOMPLETE}') AND verified_at IS NULL
         UNION
         SELECT 'district', district.key FROM ({DISTRICTS}) AS district
         JOIN entry ON (source_table, source_key) = (holder_table, holder)
         WHERE code = '{DISTRICT_UNANSWERED}' AND district.key NOT LIKE '[null,%'
         ON CONFLICT (kind, key) DO UPDATE SET due_at = clock_timestamp()
         RETURNING kind, key"
    );
    look_ups::subjects(bind(sql, which).load(connection))
}

/// Removes the entries whose subject is known now, or that election-api has since reported as
/// unknown.
///
/// # Errors
/// If the database fails.
pub fn forget_answered(connection: &mut PgConnection, which: &Unanswered<'_>) -> QueryResult<()> {
    let sql = format!(
        "DELETE FROM backfill_quarantine AS entry WHERE {ENTRIES} AND NOT CASE code
             WHEN '{POSITION_INCOMPLETE}' THEN EXISTS (
                 SELECT FROM ballot_position WHERE id = source_key AND verified_at IS NULL)
             WHEN '{POSITION_UNANSWERED}' THEN EXISTS (
                 SELECT FROM ballot_position WHERE id = source_key AND verified_at IS NULL
                   AND NOT EXISTS (SELECT FROM open_look_up WHERE kind = 'position' AND key = source_key
                                   AND outcome = 'unknown' AND asked_at >= recorded_at))
             ELSE EXISTS (
                 SELECT FROM ({DISTRICTS}) AS district
                 WHERE (holder_table, holder) = (source_table, source_key)
                   AND NOT EXISTS (SELECT FROM open_look_up AS it WHERE kind = 'district' AND it.key = district.key
                                   AND outcome = 'unknown' AND asked_at >= recorded_at))
             END"
    );
    bind(sql, which).execute(connection).map(drop)
}

fn bind<'a>(sql: String, which: &'a Unanswered<'a>) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
    diesel::sql_query(sql)
        .into_boxed::<Pg>()
        .bind::<Array<Text>, _>(UNANSWERED)
        .bind::<Nullable<Array<Text>>, _>(which.keys)
        .bind::<Nullable<Text>, _>(which.code)
}
