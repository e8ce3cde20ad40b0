//! Phase 1b (design §3): a switch next to the phase, changed by `backfill phase`. Changes are
//! queued for Clerk whether it is on or off; while it is on, workers sync them.

use diesel::prelude::*;
use winserve_persistence::clerk_outbox::{self, SwitchChange};

use super::{
    change::PhaseError,
    gates::{self, Gate},
    row,
};
use crate::{
    commands,
    steps::{self, ADVANCE_PHASE_1B},
};

/// Whether a change would be made; writes nothing.
///
/// # Errors
/// [`PhaseError::NotReady`] lists the prerequisites; [`PhaseError::SwitchUnchanged`].
pub fn check_switch(connection: &mut PgConnection, is_on: bool) -> Result<(), PhaseError> {
    let switch = clerk_outbox::read_switch(connection)?;
    let unprepared = steps::first_undone(connection, ADVANCE_PHASE_1B.after)?;
    let mut gates = if is_on { gates::missing_rights(connection)? } else { Vec::new() };
    if is_on && !ADVANCE_PHASE_1B.phases.contains(&row::read(connection)?) {
        let text = "there are no organizations before phase-1";
        gates.push(Gate::command(text, commands::ADVANCE));
    }
    gates.extend(unprepared.map(|first| Gate::command(gates::NOT_PREPARED, first.command)));
    if !gates.is_empty() {
        let again = if is_on { commands::TURN_ON } else { commands::TURN_OFF };
        let next_steps = gates::next_steps(&gates, again, &[]);
        return Err(PhaseError::NotReady { gates, next_steps });
    }
    match switch {
        Some(switch) if switch.is_on == is_on => Err(PhaseError::SwitchUnchanged { is_on }),
        _ => Ok(()),
    }
}

/// Turns the switch on or off, and writes the history. Workers see it when they take the next row.
///
/// # Errors
/// See [`check_switch`].
pub fn turn_switch(connection: &mut PgConnection, change: &SwitchChange) -> Result<(), PhaseError> {
    connection.transaction(|connection| {
        // The phase, and so the answer, cannot change before this transaction ends.
        row::keep_phase(connection)?;
        check_switch(connection, change.is_on)?;
        if !clerk_outbox::turn_switch(connection, change)? {
            return Err(PhaseError::SwitchUnchanged { is_on: change.is_on });
        }
        Ok(())
    })
}
