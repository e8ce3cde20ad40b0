//! Dead letters: organizations that workers no longer try to sync until an operator retries them.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use uuid::Uuid;
use winserve_domain::{base::OrganizationId, clerk};

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct DeadLetter {
    /// The organization.
    #[diesel(sql_type = SqlUuid)]
    pub organization: Uuid,
    /// Why: a code.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// Failed attempts.
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// Whether the organization was deleted here, and must be deleted in Clerk.
    #[diesel(sql_type = Bool)]
    pub is_deletion: bool,
    /// Since when, in UTC.
    #[diesel(sql_type = Text)]
    pub at: String,
}

/// Dead letters of all organizations, or of one: the first ones, by reason and key.
///
/// # Errors
/// If the database fails.
pub fn dead_letters(
    connection: &mut PgConnection,
    organization: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<DeadLetter>> {
    diesel::sql_query(
        "SELECT organization_id AS organization, dead_reason AS reason, attempts, is_deletion,
                to_char(dead_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS at
         FROM clerk_outbox WHERE dead_at IS NOT NULL AND organization_id = coalesce($1, organization_id)
         ORDER BY dead_reason, organization_id LIMIT $2",
    )
    .bind::<Nullable<SqlUuid>, _>(organization)
    .bind::<BigInt, _>(limit)
    .load(connection)
}

/// Dead letters for `winserve-domain`, the first ones by reason and key.
pub(super) fn of_all(
    connection: &mut PgConnection,
    limit: i64,
) -> QueryResult<Vec<clerk::DeadLetter>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        organization_id: Uuid,
        #[diesel(sql_type = Text)]
        dead_reason: String,
        #[diesel(sql_type = Integer)]
        attempts: i32,
        #[diesel(sql_type = Bool)]
        is_deletion: bool,
        #[diesel(sql_type = Timestamptz)]
        dead_at: DateTime<Utc>,
    }
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT organization_id, dead_reason, attempts, is_deletion, dead_at
         FROM clerk_outbox WHERE dead_at IS NOT NULL ORDER BY dead_reason, organization_id LIMIT $1",
    )
    .bind::<BigInt, _>(limit)
    .load(connection)?;
    let letter = |row: Row| clerk::DeadLetter {
        organization: OrganizationId(row.organization_id),
        reason: row.dead_reason,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        is_deletion: row.is_deletion,
        since: row.dead_at,
    };
    Ok(rows.into_iter().map(letter).collect())
}

/// Selects dead letters: of the organizations `$1`, or of all; with the reason `$2`, or any.
const CHOSEN: &str = "dead_at IS NOT NULL AND ($1 IS NULL OR organization_id = ANY($1))
    AND dead_reason = coalesce($2, dead_reason)";

/// How many dead letters [`retry_dead_letters`] would retry.
///
/// # Errors
/// If the database fails.
pub fn count_dead_letters(
    connection: &mut PgConnection,
    organizations: Option<&[Uuid]>,
    reason: Option<&str>,
) -> QueryResult<usize> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    diesel::sql_query(format!("SELECT count(*) AS rows FROM clerk_outbox WHERE {CHOSEN}"))
        .bind::<Nullable<Array<SqlUuid>>, _>(organizations)
        .bind::<Nullable<Text>, _>(reason)
        .get_result(connection)
        .map(|count: Count| usize::try_from(count.rows).unwrap_or_default())
}

/// Makes workers retry dead letters. Rows that a worker holds are skipped: waiting for one while
/// holding others could deadlock.
///
/// # Errors
/// If the database fails.
pub fn retry_dead_letters(
    connection: &mut PgConnection,
    organizations: Option<&[Uuid]>,
    reason: Option<&str>,
) -> QueryResult<usize> {
    diesel::sql_query(format!(
        "UPDATE clerk_outbox SET dead_at = NULL, dead_reason = NULL, attempts = 0, next_attempt_at = now()
         WHERE organization_id IN (
             SELECT organization_id FROM clerk_outbox WHERE {CHOSEN} FOR NO KEY UPDATE SKIP LOCKED)"
    ))
    .bind::<Nullable<Array<SqlUuid>>, _>(organizations)
    .bind::<Nullable<Text>, _>(reason)
    .execute(connection)
}
