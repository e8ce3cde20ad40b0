//! The end of phase 2: every saved filter belongs to an organization.
//!
//! The column of its campaign stays, and the trigger that keeps the two in step, for the old service reads
//! and writes filters by it until phase 3. What is done is read from the catalog, so that an interrupted
//! command is simply run again.

use std::time::Instant;

use diesel::prelude::*;
use serde_json::json;
use uuid::Uuid;
use winserve_domain::phase::Phase;

use super::{
    EnforceError, Job, clean_verification,
    enforce::{
        constraint, drop_constraint, has_constraint, is_not_null, make_not_null, patiently,
        refuse_missing,
    },
    record, runs,
};
use crate::phase;

const FILTER: &str = "voter_file_filter";
const ORGANIZATION: &str = "organization_id";

/// Whether all of phase 2 is enforced.
///
/// # Errors
/// The database's.
pub fn is_phase_2_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    is_not_null(connection, FILTER, ORGANIZATION)
}

/// Whether any of it is, be it a CHECK of an interrupted command.
///
/// # Errors
/// The database's.
pub fn is_anything_of_phase_2_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(is_not_null(connection, FILTER, ORGANIZATION)?
        || has_constraint(connection, FILTER, &constraint(FILTER, ORGANIZATION))?)
}

/// Whether enforcing would succeed as things are; writes nothing. Returns the verification that
/// allows it.
///
/// # Errors
/// See [`EnforceError`].
pub fn check_phase_2(connection: &mut PgConnection) -> Result<Uuid, EnforceError> {
    let phase = phase::read(connection)?;
    if phase != Phase::Two {
        return Err(EnforceError::WrongPhase { phase, wanted: Phase::Two });
    }
    refuse_missing(connection, FILTER, ORGANIZATION)?;
    if runs::is_under_way(connection, Job::VoterFileFilters)? {
        return Err(EnforceError::Unfinished(Job::VoterFileFilters));
    }
    let processes = phase::processes_behind(connection, Phase::Two, Phase::Two)?;
    if !processes.is_empty() {
        return Err(EnforceError::ProcessesBehind { processes });
    }
    clean_verification(connection)?.ok_or(EnforceError::NotVerified)
}

/// Makes the organization of saved filters NOT NULL, and records it. Returns what was not so before.
///
/// # Errors
/// See [`EnforceError`].
pub fn enforce_phase_2(connection: &mut PgConnection) -> Result<Vec<String>, EnforceError> {
    if is_phase_2_enforced(connection)? {
        drop_constraint(connection, FILTER, ORGANIZATION)?;
        return Ok(Vec::new());
    }
    let started = Instant::now();
    let verified = check_phase_2(connection)?;
    make_not_null(connection, Phase::Two, FILTER, ORGANIZATION)?;
    drop_constraint(connection, FILTER, ORGANIZATION)?;
    let enforced = vec![format!("{FILTER}.{ORGANIZATION}")];
    let report = json!({"enforced": &enforced, "verified_by": verified});
    record(connection, Job::EnforcePhase2, started.elapsed(), 0, &report)?;
    Ok(enforced)
}

/// Makes the organization of saved filters nullable again, and records it. Returns what was undone.
///
/// # Errors
/// See [`EnforceError`].
pub fn undo_phase_2(connection: &mut PgConnection) -> Result<Vec<String>, EnforceError> {
    let started = Instant::now();
    if !is_anything_of_phase_2_enforced(connection)? {
        return Ok(Vec::new());
    }
    drop_constraint(connection, FILTER, ORGANIZATION)?;
    let nullable = format!("ALTER TABLE {FILTER} ALTER COLUMN {ORGANIZATION} DROP NOT NULL");
    patiently(connection, FILTER, &nullable)?;
    let undone = vec![format!("{FILTER}.{ORGANIZATION}")];
    record(connection, Job::EnforcePhase2, started.elapsed(), 0, &json!({"undone": &undone}))?;
    Ok(undone)
}
