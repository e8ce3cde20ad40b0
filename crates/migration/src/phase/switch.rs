//! Phase 1b (design §3): a switch beside the phase, changed by `backfill phase`. Whether it is on or off,
//! what Clerk has to be told is written down; while it is on, workers tell it.

use diesel::{
    prelude::*,
    sql_types::{Bool, Text},
};

use super::{
    change::PhaseError,
    gates::{self, Gate},
    row,
};
use crate::migrate::{self, Group};
use winserve_persistence::clerk_switch::{PHASE_1B, read_switch};

/// What the history calls it while it is off.
const WITHOUT: &str = "without phase-1b";

/// A change of the switch, with who wants it and why.
#[derive(Debug, Clone)]
pub struct SwitchChange {
    /// How it is to stand.
    pub is_on: bool,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Whether a change would be made; writes nothing.
///
/// # Errors
/// [`PhaseError::NotReady`] names what has to come before; [`PhaseError::SwitchUnchanged`].
pub fn check_switch(connection: &mut PgConnection, is_on: bool) -> Result<(), PhaseError> {
    let switch = read_switch(connection)?;
    let is_expanded = migrate::is_expanded(connection, Group::Phase1b)
        .map_err(|error| PhaseError::Unreadable(error.into()))?;
    let mut gates = if is_on { gates::missing_rights(connection)? } else { Vec::new() };
    if is_on && !row::read(connection)?.has_tables() {
        let text = "there are no organizations before phase-1";
        gates.push(Gate::command(text, "backfill phase advance"));
    }
    if !is_expanded {
        gates.push(Gate::command("the schema is not prepared", "backfill migrate phase-1b-expand"));
    }
    if !gates.is_empty() {
        let again =
            if is_on { "backfill phase advance phase-1b" } else { "backfill phase back phase-1b" };
        let next_steps = gates::next_steps(&gates, again, &[]);
        return Err(PhaseError::NotReady { gates, next_steps });
    }
    match switch {
        Some(switch) if switch.is_on == is_on => Err(PhaseError::SwitchUnchanged { is_on }),
        _ => Ok(()),
    }
}

/// Turns the switch, and writes the history. Workers see it with the next row that they take.
///
/// # Errors
/// See [`check_switch`].
pub fn turn_switch(connection: &mut PgConnection, change: &SwitchChange) -> Result<(), PhaseError> {
    connection.transaction(|connection| {
        // The phase, and with it the answer, cannot change before this transaction ends.
        row::keep_phase(connection)?;
        check_switch(connection, change.is_on)?;
        let turned = diesel::sql_query(
            "UPDATE clerk_switch SET is_on = $1, since = now() WHERE is_on <> $1",
        )
        .bind::<Bool, _>(change.is_on)
        .execute(connection)?;
        if turned == 0 {
            return Err(PhaseError::SwitchUnchanged { is_on: change.is_on });
        }
        // What halted the workers may be mended by now: they look again.
        diesel::sql_query(
            "UPDATE clerk_budget SET halted_by = NULL, paused_until = '-infinity'
             WHERE halted_by IS NOT NULL",
        )
        .execute(connection)?;
        let (from, to) = if change.is_on { (WITHOUT, PHASE_1B) } else { (PHASE_1B, WITHOUT) };
        diesel::sql_query(
            "INSERT INTO migration_phase_history (from_phase, to_phase, actor, reason)
             VALUES ($1, $2, $3, $4)",
        )
        .bind::<Text, _>(from)
        .bind::<Text, _>(to)
        .bind::<Text, _>(&change.actor)
        .bind::<Text, _>(&change.reason)
        .execute(connection)?;
        Ok(())
    })
}
