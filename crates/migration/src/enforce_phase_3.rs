//! The end of phase 3: what only the old service needs is dropped. Nothing undoes it.
//!
//! The statements are the last group of migrations, because the final schema outlives this crate.

use std::time::Instant;

use diesel::prelude::*;
use serde_json::json;
use winserve_persistence::migrate::expand_after;

use crate::{
    commands, jobs,
    migrate::{self, Group},
    phase::{self, Phase},
    sql::{EnforceError, Job, is_anything_of_phase_3_enforced, lost_with_phase_3, record},
    steps::{self, ENFORCE_PHASE_3},
};

/// Who ends the migration, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastStep {
    /// Whether an operator confirmed that there is no way back.
    pub is_confirmed: bool,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Whether enforcing would succeed now; writes nothing.
///
/// # Errors
/// See [`EnforceError`].
pub fn check_phase_3(connection: &mut PgConnection) -> Result<(), EnforceError> {
    let phase = phase::read(connection)?;
    if phase != Phase::Three {
        return Err(EnforceError::WrongPhase { phase, wanted: Phase::Three });
    }
    if let Some(first) = steps::first_undone(connection, ENFORCE_PHASE_3.after)? {
        return Err(EnforceError::NotPrepared { command: first.command });
    }
    // An interrupted command passed the other gates.
    if is_anything_of_phase_3_enforced(connection)? {
        return Ok(());
    }
    if !jobs::clean::is_done(connection)? {
        return Err(EnforceError::NotClean);
    }
    let processes = phase::processes_behind(connection, Phase::Three, Group::Phase3Enforce.name())?;
    if !processes.is_empty() {
        return Err(EnforceError::ProcessesBehind { processes, again: commands::ENFORCE_PHASE_3 });
    }
    let users = phase::users_of_what_goes(connection)?;
    if users.is_empty() { Ok(()) } else { Err(EnforceError::OthersBehind { users }) }
}

/// Drops the campaign columns of offices and saved filters, the triggers and the records that serve
/// the old service, and records it. Returns the names of the migrations that did it; none if all of
/// it was done before.
///
/// # Errors
/// See [`EnforceError`]; [`EnforceError::NotConfirmed`] without a confirmation.
pub fn enforce_phase_3(
    connection: &mut PgConnection,
    LastStep { is_confirmed, actor, reason }: &LastStep,
) -> Result<Vec<String>, EnforceError> {
    if migrate::is_expanded(connection, Group::Phase3Enforce)? {
        return Ok(Vec::new());
    }
    check_phase_3(connection)?;
    let lost = lost_with_phase_3(connection)?;
    if !is_confirmed {
        return Err(EnforceError::NotConfirmed { lost });
    }
    let started = Instant::now();
    let enforced = expand_after(
        connection,
        Group::Phase3Enforce,
        // Keeps the phase until the transaction ends.
        |connection| match phase::read_for_writing(connection)? {
            Phase::Three => Ok(()),
            phase => Err(EnforceError::WrongPhase { phase, wanted: Phase::Three }.into()),
        },
        |_| (),
    );
    let enforced = match enforced {
        Ok(enforced) => enforced,
        Err(error) => return Err(check_phase_3(connection).err().unwrap_or(error.into())),
    };
    let report = json!({"enforced": &enforced, "lost": lost, "actor": actor, "reason": reason});
    record(connection, Job::ENFORCE_PHASE_3, started.elapsed(), 0, &report)?;
    Ok(enforced)
}

/// Whether [`enforce_phase_3`] would change anything; writes nothing.
///
/// # Errors
/// The same as for enforcing.
pub fn would_enforce_phase_3(connection: &mut PgConnection) -> Result<bool, EnforceError> {
    if migrate::is_expanded(connection, Group::Phase3Enforce)? {
        return Ok(false);
    }
    check_phase_3(connection).map(|()| true)
}
