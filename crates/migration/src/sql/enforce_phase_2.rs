//! The end of phase 2: every saved filter belongs to an organization.
//!
//! The campaign column stays, with the trigger that keeps both in sync, because the old service
//! reads and writes filters by campaign until phase 3. Progress is read from the catalog, so an
//! interrupted command can simply be run again.

use std::time::Instant;

use crate::phase::Phase;
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::json;
use uuid::Uuid;

use super::{
    EnforceError, Job, clean_verification,
    enforce::{
        Answer, constraint, drop_constraint, has_constraint, is_not_null, make_not_null, patiently,
        refuse_missing,
    },
    is_anything_of_phase_3_enforced, record,
};
use crate::{commands, phase};

pub(super) const FILTER: &str = "voter_file_filter";
const ORGANIZATION: &str = "organization_id";

/// Whether an earlier build dropped the campaign column or its dependents.
const IS_CAMPAIGN_DROPPED: &str = "
    SELECT NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('voter_file_filter')
                           AND attname = 'campaign_id' AND NOT attisdropped)
        OR NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass('voter_file_filter')
                           AND tgname = 'voter_file_filter_complete')
        OR NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('voter_file_filter')
                           AND contype = 'f' AND confrelid = to_regclass('campaign') AND convalidated) AS answer";
/// Statements that restore both as the old service had the column (legacy contract §1). Each may be
/// repeated.
const BRING_CAMPAIGN_BACK: [&str; 7] = [
    "ALTER TABLE voter_file_filter ADD COLUMN IF NOT EXISTS campaign_id integer",
    "CREATE OR REPLACE TRIGGER voter_file_filter_complete BEFORE INSERT ON voter_file_filter \
     FOR EACH ROW EXECUTE FUNCTION voter_file_filter_complete()",
    "UPDATE voter_file_filter AS filter SET campaign_id = campaign.id FROM campaign \
     WHERE campaign.organization_id = filter.organization_id AND filter.campaign_id IS NULL",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS voter_file_filter_campaign_id_idx ON voter_file_filter (campaign_id)",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS voter_file_filter_id_campaign_id_idx \
     ON voter_file_filter (id, campaign_id)",
    "ALTER TABLE voter_file_filter DROP CONSTRAINT IF EXISTS voter_file_filter_campaign_id_fkey, \
     ADD CONSTRAINT voter_file_filter_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES campaign (id) \
     ON DELETE CASCADE ON UPDATE CASCADE NOT VALID",
    "ALTER TABLE voter_file_filter VALIDATE CONSTRAINT voter_file_filter_campaign_id_fkey",
];

/// The statements that restore what an earlier build of `enforce phase-2` dropped; empty if nothing
/// is missing.
///
/// # Errors
/// If the database fails.
pub fn dropped_of_filters(connection: &mut PgConnection) -> QueryResult<Vec<&'static str>> {
    // The end of phase 3 drops them for good.
    if is_anything_of_phase_3_enforced(connection)? {
        return Ok(Vec::new());
    }
    let dropped: Answer = diesel::sql_query(IS_CAMPAIGN_DROPPED).get_result(connection)?;
    Ok(if dropped.answer { BRING_CAMPAIGN_BACK.to_vec() } else { Vec::new() })
}

/// Restores what an earlier build of `enforce phase-2` dropped; returns whether anything was
/// missing.
pub(crate) fn bring_back_campaign_of_filters(
    connection: &mut PgConnection,
) -> Result<bool, EnforceError> {
    let statements = dropped_of_filters(connection)?;
    for statement in &statements {
        if statement.contains(" CONCURRENTLY ") {
            // Not inside a transaction; it waits for others and blocks nobody.
            connection.batch_execute(statement)?;
        } else {
            patiently(connection, FILTER, statement)?;
        }
    }
    Ok(!statements.is_empty())
}

fn refuse_dropped(connection: &mut PgConnection) -> Result<(), EnforceError> {
    let statements = dropped_of_filters(connection)?;
    if statements.is_empty() { Ok(()) } else { Err(EnforceError::Dropped { statements }) }
}

/// Whether all of phase 2 is enforced.
///
/// # Errors
/// If the database fails.
pub fn is_phase_2_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    is_not_null(connection, FILTER, ORGANIZATION)
}

/// Whether any of it is, including a CHECK of an interrupted command.
///
/// # Errors
/// If the database fails.
pub fn is_anything_of_phase_2_enforced(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(is_not_null(connection, FILTER, ORGANIZATION)?
        || has_constraint(connection, FILTER, &constraint(FILTER, ORGANIZATION))?)
}

/// Whether enforcing would succeed now; writes nothing. Returns the verification that allows it.
///
/// # Errors
/// See [`EnforceError`].
pub fn check_phase_2(connection: &mut PgConnection) -> Result<Uuid, EnforceError> {
    let phase = phase::read(connection)?;
    if phase != Phase::Two {
        return Err(EnforceError::WrongPhase { phase, wanted: Phase::Two });
    }
    refuse_dropped(connection)?;
    refuse_missing(connection, FILTER, ORGANIZATION)?;
    let processes = phase::processes_behind(connection, Phase::Two, Phase::Two.as_str())?;
    if !processes.is_empty() {
        let again = commands::ENFORCE_PHASE_2;
        return Err(EnforceError::ProcessesBehind { processes, again });
    }
    clean_verification(connection)?.ok_or(EnforceError::NotVerified)
}

/// Makes the organization of saved filters NOT NULL, and records it. Returns what was not enforced
/// before.
///
/// # Errors
/// See [`EnforceError`].
pub fn enforce_phase_2(connection: &mut PgConnection) -> Result<Vec<String>, EnforceError> {
    if is_phase_2_enforced(connection)? {
        refuse_dropped(connection)?;
        drop_constraint(connection, FILTER, ORGANIZATION)?;
        return Ok(Vec::new());
    }
    let started = Instant::now();
    let verified = check_phase_2(connection)?;
    make_not_null(connection, Phase::Two, FILTER, ORGANIZATION)?;
    drop_constraint(connection, FILTER, ORGANIZATION)?;
    let enforced = vec![format!("{FILTER}.{ORGANIZATION}")];
    let report = json!({"enforced": &enforced, "verified_by": verified});
    record(connection, Job::ENFORCE_PHASE_2, started.elapsed(), 0, &report)?;
    Ok(enforced)
}

/// Whether [`enforce_phase_2`] would change anything; writes nothing.
///
/// # Errors
/// The same as for enforcing.
pub fn would_enforce_phase_2(connection: &mut PgConnection) -> Result<bool, EnforceError> {
    if is_phase_2_enforced(connection)? {
        refuse_dropped(connection)?;
        return Ok(false);
    }
    check_phase_2(connection).map(|_verified| true)
}

/// Whether [`undo_phase_2`] would change anything; writes nothing.
///
/// # Errors
/// The same as for undoing.
pub fn would_undo_phase_2(connection: &mut PgConnection) -> Result<bool, EnforceError> {
    if !is_anything_of_phase_2_enforced(connection)? {
        return Ok(false);
    }
    refuse_dropped(connection)?;
    Ok(true)
}

/// Makes the organization of saved filters nullable again, and records it. Returns what was undone.
///
/// # Errors
/// See [`EnforceError`].
pub fn undo_phase_2(connection: &mut PgConnection) -> Result<Vec<String>, EnforceError> {
    if !would_undo_phase_2(connection)? {
        return Ok(Vec::new());
    }
    let started = Instant::now();
    drop_constraint(connection, FILTER, ORGANIZATION)?;
    let nullable = format!("ALTER TABLE {FILTER} ALTER COLUMN {ORGANIZATION} DROP NOT NULL");
    patiently(connection, FILTER, &nullable)?;
    let undone = vec![format!("{FILTER}.{ORGANIZATION}")];
    record(connection, Job::ENFORCE_PHASE_2, started.elapsed(), 0, &json!({"undone": &undone}))?;
    Ok(undone)
}
