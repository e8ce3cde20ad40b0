//! `enforce phase-1b` (design §3). No column becomes NOT NULL, because an organization exists
//! before Clerk answers. It proves instead that every organization is synced or queued.

use std::time::Instant;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Text, Uuid as SqlUuid},
};
use serde_json::json;
use uuid::Uuid;

use winserve_persistence::clerk_outbox;

use super::{EnforceError, Job, record};

/// The age from which an organization must be synced or queued.
const GRACE: &str = "15 minutes";

/// Whether it was proven, and the switch was not changed since.
///
/// # Errors
/// If the database fails.
pub fn is_phase_1b_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    if !clerk_outbox::is_on(connection)? {
        return Ok(false);
    }
    diesel::sql_query(
        "SELECT EXISTS (SELECT FROM backfill_run, clerk_switch
             WHERE job = $1 AND exit_code = 0 AND finished_at >= since) AS is_proven",
    )
    .bind::<Text, _>(Job::ENFORCE_PHASE_1B.name)
    .get_result(connection)
    .map(|found: Proven| found.is_proven)
}

#[derive(QueryableByName)]
struct Proven {
    #[diesel(sql_type = Bool)]
    is_proven: bool,
}

#[derive(QueryableByName)]
struct Untold {
    #[diesel(sql_type = SqlUuid)]
    first: Uuid,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Whether it can be proven; writes nothing. Dead-letter reasons are accepted by name.
///
/// # Errors
/// See [`EnforceError`].
pub fn check_phase_1b(
    connection: &mut PgConnection,
    accepted: &[String],
) -> Result<(), EnforceError> {
    if !clerk_outbox::is_on(connection)? {
        return Err(EnforceError::SwitchOff);
    }
    let untold: Option<Untold> = diesel::sql_query(format!(
        "SELECT id AS first, count(*) OVER () AS rows FROM organization
         WHERE clerk_organization_id IS NULL AND created_at < now() - interval '{GRACE}'
           AND NOT EXISTS (SELECT FROM clerk_outbox WHERE organization_id = organization.id)
         ORDER BY id LIMIT 1"
    ))
    .get_result(connection)
    .optional()?;
    if let Some(Untold { first, rows }) = untold {
        return Err(EnforceError::Untold { rows, first });
    }
    let dead = clerk_outbox::status(connection)?.dead_letters;
    if let Some(unknown) = accepted.iter().find(|reason| !dead.contains_key(*reason)) {
        return Err(EnforceError::UnknownReason(unknown.clone()));
    }
    let reasons: Vec<_> =
        dead.into_iter().filter(|(reason, _)| !accepted.contains(reason)).collect();
    if reasons.is_empty() { Ok(()) } else { Err(EnforceError::DeadLetters { reasons }) }
}

/// Proves it, and records that.
///
/// # Errors
/// See [`EnforceError`].
pub fn enforce_phase_1b(
    connection: &mut PgConnection,
    accepted: &[String],
) -> Result<(), EnforceError> {
    let started = Instant::now();
    check_phase_1b(connection, accepted)?;
    let report = json!({"accepted": accepted});
    record(connection, Job::ENFORCE_PHASE_1B, started.elapsed(), 0, &report)?;
    Ok(())
}
