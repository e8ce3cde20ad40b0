//! What a process that serves says of itself (design §3): no phase is entered that it has not seen.

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid},
};
use uuid::Uuid;
use winserve_domain::{base::StoreError, migration::Phase};

use crate::error::store_error;

/// What the sessions of servers are called in `pg_stat_activity`.
pub const SERVER: &str = "winserve-api";

/// What a process says of itself.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Made at its start.
    pub process: Uuid,
    /// Version of the program.
    pub build: &'static str,
    /// Requests since its start that named none of several organizations.
    pub unnamed_requests: u64,
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

fn has_table(connection: &mut PgConnection) -> QueryResult<bool> {
    diesel::sql_query("SELECT to_regclass('process_heartbeat') IS NOT NULL AS exists")
        .get_result(connection)
        .map(|found: Exists| found.exists)
}

/// Says that the process lives, if the database has a place for it. Those that ended a day ago are
/// forgotten.
pub(crate) fn beat(
    connection: &mut PgConnection,
    heartbeat: &Heartbeat,
    phase: Phase,
    is_pinned: bool,
) -> Result<(), StoreError> {
    if !has_table(connection).map_err(store_error)? {
        return Ok(());
    }
    // Phase 3 is not whole in this build, so that no gate may count on this process.
    let whole = Phase::ALL.into_iter().filter(|phase| *phase < Phase::Three);
    let knows: Vec<&str> = whole.map(Phase::as_str).collect();
    diesel::sql_query(
        "WITH forgotten AS (
             DELETE FROM process_heartbeat WHERE seen_at < now() - interval '1 d'
         )
         INSERT INTO process_heartbeat AS known
             (process, build, phase, is_pinned, knows, unnamed_requests, unnamed_at)
         VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $6 > 0 THEN now() END)
         ON CONFLICT (process) DO UPDATE SET phase = excluded.phase, seen_at = now(),
             unnamed_at = CASE WHEN excluded.unnamed_requests > known.unnamed_requests THEN now()
                               ELSE known.unnamed_at END,
             unnamed_requests = excluded.unnamed_requests",
    )
    .bind::<SqlUuid, _>(heartbeat.process)
    .bind::<Text, _>(heartbeat.build)
    .bind::<Text, _>(phase.as_str())
    .bind::<Bool, _>(is_pinned)
    .bind::<Array<Text>, _>(knows)
    .bind::<BigInt, _>(i64::try_from(heartbeat.unnamed_requests).unwrap_or(i64::MAX))
    .execute(connection)
    .map(drop)
    .map_err(store_error)
}

/// Says that the process ends.
pub(crate) fn stop(connection: &mut PgConnection, process: Uuid) -> Result<(), StoreError> {
    if !has_table(connection).map_err(store_error)? {
        return Ok(());
    }
    diesel::sql_query("UPDATE process_heartbeat SET stopped_at = now() WHERE process = $1")
        .bind::<SqlUuid, _>(process)
        .execute(connection)
        .map(drop)
        .map_err(store_error)
}
