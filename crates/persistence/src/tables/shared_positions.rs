//! Rows of `ballot_position` that holders share, written in bulk.

use chrono::{DateTime, Utc};
use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{BoxedSqlQuery, SqlQuery},
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz},
};
use winserve_domain::positions::{BallotLevel, BallotPosition, BallotReadyId};

use super::positions::district_id;
use crate::look_ups;

/// An arbitrary number: changing the district of a position takes this lock, and linking a holder
/// to an unverified position shares it. So a holder is linked either before, and keeps its
/// district, or after, and gets the new one.
const DISTRICT_LOCK: i64 = 7_746_532_104;

/// Facts of a shared position, from one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated {
    /// The facts.
    pub position: BallotPosition,
    /// Whether they come from election-api or staff.
    pub is_verified: bool,
}

/// The facts that [`bind`] binds, as a relation.
const STATED: &str = "(SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS fact
    (id, office, ballot_level, level, state, l2_id, l2_type, l2_name, is_verified)) AS stated";

/// All campaigns keep a district that they inherited when another one replaces it.
pub const ALL_KEEP: &str = "true";

/// Blocks changes to the districts of unverified positions until the transaction ends.
///
/// # Errors
/// If the database fails.
pub fn share_district_lock(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT pg_advisory_xact_lock_shared($1)")
        .bind::<BigInt, _>(DISTRICT_LOCK)
        .execute(connection)
        .map(drop)
}

/// Writes facts of shared positions, each named once, unless verified ones are stored; returns how
/// many rows changed.
///
/// Holders keep their district: one that inherited the replaced district gets it as an override,
/// and an override that now equals the position's district is removed, unless it was set by hand
/// (design D3, D6). `keepers` says in SQL which campaigns `holder` do so: [`ALL_KEEP`].
///
/// # Errors
/// If the database fails.
pub fn state(
    connection: &mut PgConnection,
    keepers: &str,
    stated: &[Stated],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let inserted = insert_missing(connection, stated, now)?;
    let replaced =
        if inserted == stated.len() { 0 } else { replace(connection, keepers, stated, now)? };
    let ids: Vec<_> = stated
        .iter()
        .filter(|it| it.is_verified && it.position.may_be_completed())
        .filter_map(|it| it.position.id.ballot_ready().map(BallotReadyId::as_str))
        .collect();
    look_ups::ask_once_more(connection, &ids, now)?;
    Ok(inserted + replaced)
}

/// Replaces unverified facts.
fn replace(
    connection: &mut PgConnection,
    keepers: &str,
    stated: &[Stated],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    let other_district: Found = bind(
        format!(
            "SELECT EXISTS (SELECT FROM ballot_position AS known JOIN {STATED} ON stated.id = known.id
                 WHERE {REPLACEABLE} AND {OTHER_DISTRICT}) AS found"
        ),
        stated,
    )
    .get_result(connection)?;
    if other_district.found {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<BigInt, _>(DISTRICT_LOCK)
            .execute(connection)?;
        keep_districts(connection, "campaign", keepers, stated)?;
        keep_districts(connection, "elected_office", ALL_KEEP, stated)?;
    }
    bind(
        format!(
            "UPDATE ballot_position AS known SET
                 office = stated.office, ballot_level = stated.ballot_level, level = stated.level,
                 state = stated.state, l2_district_id = stated.l2_id,
                 l2_district_type = stated.l2_type, l2_district_name = stated.l2_name,
                 verified_at = CASE WHEN is_verified THEN $10 END, updated_at = $10
             FROM {STATED}
             WHERE known.id = stated.id AND {REPLACEABLE}
               AND (is_verified
                    OR (known.office, known.ballot_level, known.level, known.state,
                        known.l2_district_id, known.l2_district_type, known.l2_district_name)
                       IS DISTINCT FROM (stated.office, stated.ballot_level, stated.level,
                        stated.state, stated.l2_id, stated.l2_type, stated.l2_name))"
        ),
        stated,
    )
    .bind::<Timestamptz, _>(now)
    .execute(connection)
}

/// Fills in missing parts of verified rows; existing values stay. An override that now equals the
/// position's district is removed, unless it was set by hand (design D3).
///
/// # Errors
/// If the database fails.
pub fn complete(
    connection: &mut PgConnection,
    stated: &[Stated],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    for holder in ["campaign", "elected_office"] {
        let needless = format!(
            "UPDATE {holder} AS holder SET l2_district_id = NULL, l2_district_type = NULL,
                 l2_district_name = NULL
             FROM ballot_position AS known JOIN {STATED} ON stated.id = known.id
             WHERE holder.position_id = known.id AND {LACKS_DISTRICT}
               AND NOT holder.district_manually_set
               AND (holder.l2_district_type, holder.l2_district_name) = (stated.l2_type, stated.l2_name)"
        );
        bind(needless, stated).execute(connection)?;
    }
    bind(
        format!(
            "UPDATE ballot_position AS known SET
                 office = COALESCE(known.office, stated.office),
                 ballot_level = COALESCE(known.ballot_level, stated.ballot_level),
                 state = COALESCE(known.state, stated.state),
                 l2_district_id = CASE WHEN {LACKS_DISTRICT} THEN stated.l2_id
                     ELSE known.l2_district_id END,
                 l2_district_type = CASE WHEN {LACKS_DISTRICT} THEN stated.l2_type
                     ELSE known.l2_district_type END,
                 l2_district_name = CASE WHEN {LACKS_DISTRICT} THEN stated.l2_name
                     ELSE known.l2_district_name END,
                 updated_at = $10
             FROM {STATED}
             WHERE known.id = stated.id AND known.verified_at IS NOT NULL"
        ),
        stated,
    )
    .bind::<Timestamptz, _>(now)
    .execute(connection)
}

/// `known` has no district yet.
const LACKS_DISTRICT: &str = "(known.verified_at IS NOT NULL AND known.l2_district_name IS NULL)";

/// Inserts missing rows, in order of their ids, and returns how many.
///
/// # Errors
/// If the database fails.
pub fn insert_missing(
    connection: &mut PgConnection,
    stated: &[Stated],
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    bind(
        format!(
            "INSERT INTO ballot_position (id, office, ballot_level, level, state, l2_district_id,
                 l2_district_type, l2_district_name, source, verified_at, created_at, updated_at)
             SELECT id, office, ballot_level, level, state, l2_id, l2_type, l2_name, 'ballot_ready',
                 CASE WHEN is_verified THEN $10 END, $10, $10
             FROM {STATED} ORDER BY id
             ON CONFLICT (id) DO NOTHING"
        ),
        stated,
    )
    .bind::<Timestamptz, _>(now)
    .execute(connection)
}

/// `known` may be replaced by `stated`.
const REPLACEABLE: &str = "known.verified_at IS NULL";
const OTHER_DISTRICT: &str = "(known.l2_district_type, known.l2_district_name)
    IS DISTINCT FROM (stated.l2_type, stated.l2_name)";

fn keep_districts(
    connection: &mut PgConnection,
    holder: &'static str,
    keepers: &str,
    stated: &[Stated],
) -> QueryResult<()> {
    let inherited = format!(
        "UPDATE {holder} AS holder SET l2_district_id = known.l2_district_id,
             l2_district_type = known.l2_district_type, l2_district_name = known.l2_district_name
         FROM ballot_position AS known JOIN {STATED} ON stated.id = known.id
         WHERE holder.position_id = known.id AND {REPLACEABLE} AND {OTHER_DISTRICT}
           AND holder.l2_district_name IS NULL AND known.l2_district_name IS NOT NULL
           AND {keepers}"
    );
    bind(inherited, stated).execute(connection)?;
    let needless = format!(
        "UPDATE {holder} AS holder SET l2_district_id = NULL, l2_district_type = NULL,
             l2_district_name = NULL
         FROM ballot_position AS known JOIN {STATED} ON stated.id = known.id
         WHERE holder.position_id = known.id AND {REPLACEABLE} AND {OTHER_DISTRICT}
           AND NOT holder.district_manually_set
           AND (holder.l2_district_type, holder.l2_district_name) = (stated.l2_type, stated.l2_name)"
    );
    bind(needless, stated).execute(connection).map(drop)
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// A query with [`STATED`], whose parameters it binds; the next one is `$10`.
fn bind(sql: String, stated: &[Stated]) -> BoxedSqlQuery<'_, Pg, SqlQuery> {
    let texts = |pick: fn(&BallotPosition) -> Option<&str>| -> Vec<Option<&str>> {
        stated.iter().map(|it| pick(&it.position)).collect()
    };
    let ids: Vec<String> = stated.iter().map(|it| it.position.id.to_string()).collect();
    let verified: Vec<bool> = stated.iter().map(|it| it.is_verified).collect();
    diesel::sql_query(sql)
        .into_boxed::<Pg>()
        .bind::<Array<Text>, _>(ids)
        .bind::<Array<Nullable<Text>>, _>(texts(|it| it.office.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(texts(|it| it.ballot_level.map(BallotLevel::as_str)))
        .bind::<Array<Nullable<Text>>, _>(texts(|it| it.level.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(texts(|it| it.state.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(texts(|it| it.l2_district.as_ref().and_then(district_id)))
        .bind::<Array<Nullable<Text>>, _>(texts(|it| {
            it.l2_district.as_ref().map(|district| district.district.kind.as_str())
        }))
        .bind::<Array<Nullable<Text>>, _>(texts(|it| {
            it.l2_district.as_ref().map(|district| district.district.name.as_str())
        }))
        .bind::<Array<Bool>, _>(verified)
}
