//! `enforce phase-1b` (design §3). No column becomes NOT NULL, for an organization is there before Clerk
//! answers: it is proven instead that Clerk has been told of every one, or will be.

use std::time::Instant;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Text, Uuid as SqlUuid},
};
use serde_json::json;
use uuid::Uuid;

use super::{EnforceError, Job, clerk_standing, record};
use crate::phase;

/// The age from which on an organization has to be provided, or in the outbox.
const GRACE: &str = "15 minutes";

/// Whether it was proven, and nobody turned the switch since.
///
/// # Errors
/// The database's.
pub fn is_phase_1b_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    if !phase::read_switch(connection)?.is_some_and(|switch| switch.is_on) {
        return Ok(false);
    }
    diesel::sql_query(
        "SELECT EXISTS (SELECT FROM backfill_run, clerk_switch
             WHERE job = $1 AND exit_code = 0 AND finished_at >= since) AS is_proven",
    )
    .bind::<Text, _>(Job::EnforcePhase1b.as_str())
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

/// Whether it can be proven; writes nothing. Reasons of dead letters are accepted by name.
///
/// # Errors
/// See [`EnforceError`].
pub fn check_phase_1b(
    connection: &mut PgConnection,
    accepted: &[String],
) -> Result<(), EnforceError> {
    if !phase::read_switch(connection)?.is_some_and(|switch| switch.is_on) {
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
    let dead = clerk_standing(connection)?.dead_letters;
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
    record(connection, Job::EnforcePhase1b, started.elapsed(), 0, &report)?;
    Ok(())
}
