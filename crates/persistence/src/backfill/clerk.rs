//! What the backfill reads and writes of the outbox of Clerk, and of Clerk's ids.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use serde::Serialize;
use uuid::Uuid;

use crate::provisioning::{self, AVAILABLE};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Of organizations without Clerk's id that nobody has noted, how many there are.
///
/// # Errors
/// The database's.
pub fn unqueued_for_clerk(connection: &mut PgConnection) -> QueryResult<i64> {
    diesel::sql_query(
        "SELECT count(*) AS rows FROM organization WHERE clerk_organization_id IS NULL
           AND NOT EXISTS (SELECT FROM clerk_outbox WHERE organization_id = organization.id)",
    )
    .get_result(connection)
    .map(|count: Count| count.rows)
}

/// Notes the organizations without Clerk's id among the next so many; they come after live changes. Returns
/// how many were noted, and the last one looked at.
///
/// # Errors
/// The database's.
pub fn queue_for_clerk(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<(i64, Option<Uuid>)> {
    #[derive(QueryableByName)]
    struct Page {
        #[diesel(sql_type = BigInt)]
        added: i64,
        #[diesel(sql_type = Nullable<SqlUuid>)]
        last: Option<Uuid>,
    }
    let page: Page = diesel::sql_query(
        "WITH page AS (
             SELECT id FROM organization
             WHERE id > coalesce($1, '00000000-0000-0000-0000-000000000000') AND clerk_organization_id IS NULL
             ORDER BY id LIMIT $2
         ), added AS (
             INSERT INTO clerk_outbox (organization_id, is_backfill)
             SELECT id, true FROM page ORDER BY id ON CONFLICT (organization_id) DO NOTHING RETURNING true
         )
         SELECT (SELECT count(*) FROM added) AS added, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last",
    )
    .bind::<Nullable<SqlUuid>, _>(after)
    .bind::<BigInt, _>(limit)
    .get_result(connection)?;
    Ok((page.added, page.last))
}

/// The time of the database.
///
/// # Errors
/// The database's.
pub fn now_of_database(connection: &mut PgConnection) -> QueryResult<DateTime<Utc>> {
    #[derive(QueryableByName)]
    struct Now {
        #[diesel(sql_type = Timestamptz)]
        now: DateTime<Utc>,
    }
    diesel::sql_query("SELECT clock_timestamp() AS now")
        .get_result(connection)
        .map(|it: Now| it.now)
}

/// How far a run is with what was in the outbox when it began.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct ClerkProgress {
    /// Rows of then that are neither done nor given up.
    #[diesel(sql_type = BigInt)]
    pub pending: i64,
    /// Of these, those that are under way, or due within half a minute.
    #[diesel(sql_type = BigInt)]
    pub active: i64,
    /// What keeps everything, if people have to change it.
    #[diesel(sql_type = Nullable<Text>)]
    pub halted_by: Option<String>,
    /// Phase 1b is on.
    #[diesel(sql_type = Bool)]
    pub is_on: bool,
}

/// How far a run is that began at a time.
///
/// # Errors
/// The database's.
pub fn clerk_progress(
    connection: &mut PgConnection,
    began: DateTime<Utc>,
) -> QueryResult<ClerkProgress> {
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

/// What halted all workers has been mended: they may go on at once.
///
/// # Errors
/// The database's.
pub fn resume_clerk(connection: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query(
        "UPDATE clerk_budget SET halted_by = NULL, paused_until = '-infinity' WHERE halted_by IS NOT NULL",
    )
    .execute(connection)
    .map(drop)
}

/// How organizations at Clerk stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClerkStanding {
    /// Phase 1b is on.
    pub is_on: bool,
    /// Organizations.
    pub organizations: i64,
    /// Of these, those whose id at Clerk is stored.
    pub provided: i64,
    /// Of these, those whose owner Clerk does not know yet, so that they have no member.
    pub without_member: i64,
    /// The first of these.
    pub without_member_keys: Vec<Uuid>,
    /// Rows of the outbox that wait.
    pub pending: i64,
    /// Age of the oldest of them, in seconds.
    pub oldest_seconds: i64,
    /// Rows that were given up, by reason.
    pub dead_letters: BTreeMap<String, i64>,
    /// What keeps everything, if people have to change it.
    pub halted_by: Option<String>,
}

/// How organizations at Clerk stand, in a database that has the outbox.
///
/// # Errors
/// The database's.
pub fn clerk_standing(connection: &mut PgConnection) -> QueryResult<ClerkStanding> {
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
    Ok(ClerkStanding {
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

/// An organization that was given up.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct DeadLetter {
    /// Which.
    #[diesel(sql_type = SqlUuid)]
    pub organization: Uuid,
    /// Why: a code.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// Attempts that failed.
    #[diesel(sql_type = diesel::sql_types::Integer)]
    pub attempts: i32,
    /// It has to go at Clerk.
    #[diesel(sql_type = Bool)]
    pub is_deletion: bool,
    /// When, in UTC.
    #[diesel(sql_type = Text)]
    pub at: String,
}

/// Dead letters of all organizations, or of one: the first so many, by reason and key.
///
/// # Errors
/// The database's.
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

/// Gives dead letters another chance: of these organizations, or of these reasons, or all. One that somebody
/// holds gets its chance from them; whoever waited for it while it has others could deadlock.
///
/// # Errors
/// The database's.
pub fn retry_dead_letters(
    connection: &mut PgConnection,
    organizations: Option<&[Uuid]>,
    reason: Option<&str>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "UPDATE clerk_outbox SET dead_at = NULL, dead_reason = NULL, attempts = 0, next_attempt_at = now()
         WHERE organization_id IN (
             SELECT organization_id FROM clerk_outbox
             WHERE dead_at IS NOT NULL AND ($1 IS NULL OR organization_id = ANY($1))
               AND dead_reason = coalesce($2, dead_reason)
             FOR NO KEY UPDATE SKIP LOCKED)",
    )
    .bind::<Nullable<Array<SqlUuid>>, _>(organizations)
    .bind::<Nullable<Text>, _>(reason)
    .execute(connection)
}

/// An organization with what Clerk should have of it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct ClerkLink {
    /// Which.
    #[diesel(sql_type = SqlUuid)]
    pub organization: Uuid,
    /// Clerk's id of it, as it is stored.
    #[diesel(sql_type = Nullable<Text>)]
    pub clerk_organization: Option<String>,
    /// It is a campaign's.
    #[diesel(sql_type = Bool)]
    pub is_campaign: bool,
    /// Its position.
    #[diesel(sql_type = Nullable<Text>)]
    pub position: Option<String>,
    /// Its owner is a user of Clerk's, as far as we know.
    #[diesel(sql_type = Bool)]
    pub has_linked_owner: bool,
}

/// Organizations after a key, in the order of their keys.
///
/// # Errors
/// The database's.
pub fn clerk_links(
    connection: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<ClerkLink>> {
    diesel::sql_query(
        "SELECT organization.id AS organization, clerk_organization_id AS clerk_organization,
                type = 'campaign' AS is_campaign,
                coalesce(campaign.position_id, elected_office.position_id) AS position,
                owner.clerk_id IS NOT NULL AS has_linked_owner
         FROM organization JOIN \"user\" AS owner ON owner.id = owner_id
         LEFT JOIN campaign ON campaign.organization_id = organization.id
         LEFT JOIN elected_office ON elected_office.organization_id = organization.id
         WHERE organization.id > coalesce($1, '00000000-0000-0000-0000-000000000000')
         ORDER BY organization.id LIMIT $2",
    )
    .bind::<Nullable<SqlUuid>, _>(after)
    .bind::<BigInt, _>(limit)
    .load(connection)
}

/// Clerk's id of an organization, as it is stored; `None` for one that is gone.
///
/// # Errors
/// The database's.
pub fn clerk_id_of(
    connection: &mut PgConnection,
    organization: Uuid,
) -> QueryResult<Option<Option<String>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        id: Option<String>,
    }
    diesel::sql_query("SELECT clerk_organization_id AS id FROM organization WHERE id = $1")
        .bind::<SqlUuid, _>(organization)
        .get_result(connection)
        .optional()
        .map(|row: Option<Row>| row.map(|row| row.id))
}

/// Notes that Clerk has to be told of an organization, and what Clerk may have of it.
///
/// # Errors
/// The database's.
pub fn note_for_clerk(
    connection: &mut PgConnection,
    organization: Uuid,
    hint: Option<&str>,
) -> QueryResult<()> {
    connection.transaction(|connection| {
        diesel::sql_query("SELECT clerk_outbox_note(ARRAY[$1])")
            .bind::<SqlUuid, _>(organization)
            .execute(connection)?;
        diesel::sql_query(
            "UPDATE clerk_outbox SET clerk_organization_id = $2
             WHERE organization_id = $1 AND NOT is_deletion AND $2 IS NOT NULL",
        )
        .bind::<SqlUuid, _>(organization)
        .bind::<Nullable<Text>, _>(hint)
        .execute(connection)
        .map(drop)
    })
}

/// The row of an organization, held so that no worker begins anything with it; its end is a worker's when
/// whoever holds it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Whose row.
    pub organization: Uuid,
    /// Fences off whoever held it before.
    pub token: Uuid,
    /// For how long, without a sign of life.
    pub lease: Duration,
}

/// Holds an organization of which nothing is to be told; `false` when something is.
///
/// # Errors
/// The database's.
pub fn hold_from_workers(connection: &mut PgConnection, hold: &Hold) -> QueryResult<bool> {
    diesel::sql_query(
        "INSERT INTO clerk_outbox (organization_id, is_backfill, lease_token, lease_until)
         VALUES ($1, true, $2, clock_timestamp() + make_interval(secs => $3))
         ON CONFLICT (organization_id) DO NOTHING",
    )
    .bind::<SqlUuid, _>(hold.organization)
    .bind::<SqlUuid, _>(hold.token)
    .bind::<Double, _>(hold.lease.as_secs_f64())
    .execute(connection)
    .map(|rows| rows == 1)
}

/// Renews a hold; `false` when it has ended, something has changed since, or an organization has this id at
/// Clerk.
///
/// # Errors
/// The database's.
pub fn is_needless_at_clerk(
    connection: &mut PgConnection,
    hold: &Hold,
    id: &str,
) -> QueryResult<bool> {
    diesel::sql_query(
        "UPDATE clerk_outbox SET lease_until = clock_timestamp() + make_interval(secs => $3)
         WHERE organization_id = $1 AND lease_token = $2 AND version = 1
           AND NOT EXISTS (SELECT FROM organization WHERE clerk_organization_id = $4)",
    )
    .bind::<SqlUuid, _>(hold.organization)
    .bind::<SqlUuid, _>(hold.token)
    .bind::<Double, _>(hold.lease.as_secs_f64())
    .bind::<Text, _>(id)
    .execute(connection)
    .map(|rows| rows == 1)
}

/// Ends a hold; what was noted meanwhile is left to the workers.
///
/// # Errors
/// The database's.
pub fn release_to_workers(connection: &mut PgConnection, hold: &Hold) -> QueryResult<()> {
    for statement in [
        "DELETE FROM clerk_outbox WHERE organization_id = $1 AND lease_token = $2 AND version = 1",
        "UPDATE clerk_outbox SET lease_token = NULL, lease_until = NULL
         WHERE organization_id = $1 AND lease_token = $2",
    ] {
        diesel::sql_query(statement)
            .bind::<SqlUuid, _>(hold.organization)
            .bind::<SqlUuid, _>(hold.token)
            .execute(connection)?;
    }
    Ok(())
}

/// Which database this is, in the metadata at Clerk.
///
/// # Errors
/// The database's.
pub fn clerk_source(connection: &mut PgConnection) -> QueryResult<Uuid> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = SqlUuid)]
        source: Uuid,
    }
    diesel::sql_query("SELECT source FROM clerk_switch")
        .get_result(connection)
        .map(|it: Row| it.source)
}

/// Takes a request from the budget that all workers share; else says how long there is none. What halts the
/// workers, for people have to change the instance, does not keep people from asking.
///
/// # Errors
/// The database's.
pub fn take_clerk_request(
    connection: &mut PgConnection,
    requests_per_second: f64,
) -> QueryResult<Option<Duration>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Double)]
        rest: f64,
    }
    let taken = diesel::sql_query(format!(
        "UPDATE clerk_budget SET requests = {AVAILABLE} - 1, refilled_at = clock_timestamp()
         WHERE {AVAILABLE} >= 1 AND (paused_until < clock_timestamp() OR halted_by IS NOT NULL)"
    ))
    .bind::<Double, _>(requests_per_second)
    .execute(connection)?;
    if taken == 1 {
        return Ok(None);
    }
    let row: Row = diesel::sql_query(format!(
        "SELECT least(5, greatest(0.01, (1 - {AVAILABLE}) / $1,
             extract(epoch FROM greatest(paused_until, '2000-01-01') - clock_timestamp())))
             ::double precision AS rest FROM clerk_budget"
    ))
    .bind::<Double, _>(requests_per_second)
    .get_result(connection)?;
    Ok(Some(Duration::try_from_secs_f64(row.rest).unwrap_or_default()))
}

/// Clerk wants to be left alone for so long: no worker sends anything.
///
/// # Errors
/// The database's.
pub fn pause_clerk(connection: &mut PgConnection, rest: Duration) -> QueryResult<()> {
    provisioning::pause(connection, rest, None)
}
