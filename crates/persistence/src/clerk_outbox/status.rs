//! How much is synced, what waits, and what failed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use serde::Serialize;
use uuid::Uuid;
use winserve_domain::clerk::OutboxDepth;

/// Progress of a run with the rows that were in the outbox when it began.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct SyncProgress {
    /// Rows that are neither synced nor dead letters.
    #[diesel(sql_type = BigInt)]
    pub pending: i64,
    /// Of these, rows in progress or due within half a minute.
    #[diesel(sql_type = BigInt)]
    pub active: i64,
    /// The problem that halts all workers, if an operator has to fix one.
    #[diesel(sql_type = Nullable<Text>)]
    pub halted_by: Option<String>,
    /// Whether the switch is on.
    #[diesel(sql_type = Bool)]
    pub is_on: bool,
}

/// Progress of a run that began at the given time.
///
/// # Errors
/// If the database fails.
pub fn progress(connection: &mut PgConnection, began: DateTime<Utc>) -> QueryResult<SyncProgress> {
    diesel::sql_query(
        "SELECT count(*) AS pending,
                count(*) FILTER (WHERE lease_until > clock_timestamp()
                    OR next_attempt_at < clock_timestamp() + interval '30 s') AS active,
                (SELECT halted_by FROM clerk_budget) AS halted_by,
                (SELECT is_on FROM clerk_switch) AS is_on
         FROM clerk_outbox WHERE dead_at IS NULL AND created_at <= $1",
    )
    .bind::<Timestamptz, _>(began)
    .get_result(connection)
}

/// How many organizations are synced, and what waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClerkStatus {
    /// Whether the switch is on.
    pub is_on: bool,
    /// Organizations.
    pub organizations: i64,
    /// Of these, organizations with a stored Clerk id.
    pub provided: i64,
    /// Of these, organizations without a member, because their owner has no Clerk account yet.
    pub without_member: i64,
    /// The first of these.
    pub without_member_keys: Vec<Uuid>,
    /// Waiting rows of the outbox.
    pub pending: i64,
    /// Age of the oldest of them, in seconds.
    pub oldest_seconds: i64,
    /// Dead letters, by reason.
    pub dead_letters: BTreeMap<String, i64>,
    /// The problem that halts all workers, if an operator has to fix one.
    pub halted_by: Option<String>,
}

/// How many organizations are synced, and what waits, in a database that has the outbox.
///
/// # Errors
/// If the database fails.
pub fn status(connection: &mut PgConnection) -> QueryResult<ClerkStatus> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_on: bool,
        #[diesel(sql_type = BigInt)]
        organizations: i64,
        #[diesel(sql_type = BigInt)]
        provided: i64,
        #[diesel(sql_type = BigInt)]
        without_member: i64,
        #[diesel(sql_type = Array<SqlUuid>)]
        without_member_keys: Vec<Uuid>,
        #[diesel(sql_type = BigInt)]
        pending: i64,
        #[diesel(sql_type = BigInt)]
        oldest_seconds: i64,
        #[diesel(sql_type = Nullable<Text>)]
        halted_by: Option<String>,
    }
    #[derive(QueryableByName)]
    struct Dead {
        #[diesel(sql_type = Text)]
        reason: String,
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let row: Row = diesel::sql_query(
        "WITH provided AS (
             SELECT organization.id, owner.clerk_id FROM organization
             JOIN \"user\" AS owner ON owner.id = owner_id WHERE clerk_organization_id IS NOT NULL
         )
         SELECT (SELECT is_on FROM clerk_switch) AS is_on, (SELECT halted_by FROM clerk_budget) AS halted_by,
                (SELECT count(*) FROM organization) AS organizations,
                (SELECT count(*) FROM provided) AS provided,
                (SELECT count(*) FROM provided WHERE clerk_id IS NULL) AS without_member,
                ARRAY(SELECT id FROM provided WHERE clerk_id IS NULL ORDER BY id LIMIT 5) AS without_member_keys,
                (SELECT count(*) FROM clerk_outbox WHERE dead_at IS NULL) AS pending,
                (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at))::bigint, 0)
                 FROM clerk_outbox WHERE dead_at IS NULL) AS oldest_seconds",
    )
    .get_result(connection)?;
    let dead: Vec<Dead> = diesel::sql_query(
        "SELECT dead_reason AS reason, count(*) AS rows FROM clerk_outbox
         WHERE dead_reason IS NOT NULL GROUP BY reason",
    )
    .load(connection)?;
    Ok(ClerkStatus {
        is_on: row.is_on,
        organizations: row.organizations,
        provided: row.provided,
        without_member: row.without_member,
        without_member_keys: row.without_member_keys,
        pending: row.pending,
        oldest_seconds: row.oldest_seconds,
        dead_letters: dead.into_iter().map(|dead| (dead.reason, dead.rows)).collect(),
        halted_by: row.halted_by,
    })
}

/// Size of the outbox.
pub(super) fn depth(connection: &mut PgConnection) -> QueryResult<OutboxDepth> {
    #[derive(QueryableByName)]
    struct Depth {
        #[diesel(sql_type = BigInt)]
        pending: i64,
        #[diesel(sql_type = BigInt)]
        oldest_seconds: i64,
        #[diesel(sql_type = BigInt)]
        dead: i64,
    }
    let depth: Depth = diesel::sql_query(
        "SELECT count(*) FILTER (WHERE dead_at IS NULL) AS pending,
                count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead,
                coalesce(extract(epoch FROM clock_timestamp()
                    - min(created_at) FILTER (WHERE dead_at IS NULL))::bigint, 0) AS oldest_seconds
         FROM clerk_outbox",
    )
    .get_result(connection)?;
    let Depth { pending, oldest_seconds, dead } = depth;
    Ok(OutboxDepth { pending, oldest_seconds, dead })
}
