//! `backfill phase`.

use std::process::Command;

use serde_json::json;
use winserve_migration::Phase;
use winserve_migration::{
    migrate,
    phase::{self, PhaseChange, PhaseEntry, PhaseError, SwitchChange},
    sql::{self as backfill, EnforceError},
    status,
};
use winserve_persistence::PgConnection;

use crate::{Change, PhaseCommand, SwitchName, print, print_json, print_with_next};

pub(crate) fn run(
    connection: &mut PgConnection,
    command: &PhaseCommand,
    json: bool,
) -> anyhow::Result<()> {
    migrate::require_legacy_tables(connection)?;
    match command {
        PhaseCommand::Show => show(connection, json),
        PhaseCommand::Advance { switch: Some(SwitchName::Phase1b), change, .. } => {
            turn(connection, true, change, json)
        }
        PhaseCommand::Back { switch: Some(SwitchName::Phase1b), change, .. } => {
            turn(connection, false, change, json)
        }
        PhaseCommand::Advance { to, accept, change, .. } => {
            let from = phase::read(connection)?;
            let Some(next) = from.next() else {
                anyhow::bail!(Refused(format!("this build knows no phase after {from}")));
            };
            let to = to.unwrap_or(next);
            if to != next {
                anyhow::bail!(Refused(format!("no step leads from {from} to {to}")));
            }
            if !migrate::is_expanded(connection, migrate::Group::Phase1)? {
                return Err(PhaseError::NotExpanded.into());
            }
            enter(connection, from, to, change, accept, json)
        }
        PhaseCommand::Back { accept, change, .. } => {
            let from = phase::read(connection)?;
            let Some(to) = from.previous() else {
                anyhow::bail!(Refused(format!("there is no phase before {from}")));
            };
            enter(connection, from, to, change, accept, json)
        }
    }
}

/// A step that does not exist.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

fn show(connection: &mut PgConnection, json: bool) -> anyhow::Result<()> {
    let (now, history) = (phase::read(connection)?, phase::history(connection)?);
    let switch = phase::read_switch(connection)?.map(|switch| switch.is_on);
    if json {
        return print_json(&json!({
            "schema_version": status::SCHEMA_VERSION,
            "phase": now,
            "phase_1b": switch,
            "history": history,
            "next_steps": [],
        }));
    }
    let mut lines = vec![format!("The phase is {now}.")];
    lines.extend(switch.map(|is_on| format!("phase-1b is {}.", if is_on { "on" } else { "off" })));
    lines.extend(history.iter().map(|entry| {
        format!(
            "{}  {} → {}  {}",
            entry.at,
            entry.from_phase,
            entry.to_phase,
            circumstances(entry).join("  ")
        )
    }));
    print(&lines.join("\n"))
}

/// Who, why, and based on which verify run.
fn circumstances(entry: &PhaseEntry) -> Vec<String> {
    let reason = (!entry.reason.is_empty()).then(|| entry.reason.clone());
    let verified = entry.verified_by.as_ref().map(|run| format!("verified by {run}"));
    let accepted =
        (!entry.accepted.is_empty()).then(|| format!("accepted {}", entry.accepted.join(", ")));
    [Some(entry.actor.clone()), reason, verified, accepted].into_iter().flatten().collect()
}

fn enter(
    connection: &mut PgConnection,
    from: Phase,
    to: Phase,
    change: &Change,
    accepted: &[String],
    json: bool,
) -> anyhow::Result<()> {
    let wanted = PhaseChange {
        from,
        to,
        actor: change.actor.clone().unwrap_or_else(system_user),
        reason: change.reason.clone(),
        accepted: accepted.to_vec(),
    };
    let outcome = if change.dry_run {
        phase::check(connection, &wanted)?;
        "would_enter"
    } else {
        if to < from {
            // Only when the way back is open: otherwise the constraints stay.
            phase::check(connection, &wanted)?;
            undo(connection, from)?;
        }
        phase::change(connection, &wanted)?;
        "entered"
    };
    let next_step = if change.dry_run { wanted.command() } else { "backfill plan".to_owned() };
    if json {
        return print_json(&json!({
            "schema_version": status::SCHEMA_VERSION,
            "outcome": outcome,
            "from": from,
            "to": to,
            "next_steps": [next_step],
        }));
    }
    let done = if change.dry_run { "Would enter" } else { "Entered" };
    print_with_next(&format!("{done} {to} (from {from})."), &[next_step])
}

/// Turns the switch beside the phase.
fn turn(
    connection: &mut PgConnection,
    is_on: bool,
    change: &Change,
    json: bool,
) -> anyhow::Result<()> {
    let outcome = if change.dry_run {
        phase::check_switch(connection, is_on)?;
        if is_on { "would_turn_on" } else { "would_turn_off" }
    } else {
        let wanted = SwitchChange {
            is_on,
            actor: change.actor.clone().unwrap_or_else(system_user),
            reason: change.reason.clone(),
        };
        phase::turn_switch(connection, &wanted)?;
        if is_on { "turned_on" } else { "turned_off" }
    };
    let next_step = match (is_on, change.dry_run) {
        (true, true) => "backfill phase advance phase-1b",
        (true, false) => "backfill run clerk-organizations",
        (false, true) => "backfill phase back phase-1b",
        (false, false) => "backfill plan",
    };
    if json {
        return print_json(&json!({
            "schema_version": status::SCHEMA_VERSION,
            "switch": "phase-1b",
            "outcome": outcome,
            "next_steps": [next_step],
        }));
    }
    print_with_next(&format!("phase-1b: {}.", outcome.replace('_', " ")), &[next_step.to_owned()])
}

/// The previous phase cannot satisfy what a phase enforces.
fn undo(connection: &mut PgConnection, phase: Phase) -> Result<(), EnforceError> {
    match phase {
        Phase::Legacy | Phase::Three => Ok(()),
        Phase::One => backfill::undo_phase_1(connection).map(drop),
        Phase::Two => backfill::undo_phase_2(connection).map(drop),
    }
}

/// The user that runs the command: the caller of `sudo`, or the system user.
fn system_user() -> String {
    let called_sudo = std::env::var_os("SUDO_USER").and_then(|name| name.into_string().ok());
    let named = || {
        let output = Command::new("id").arg("-un").output().ok()?;
        let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    };
    called_sudo.or_else(named).unwrap_or_else(|| "unknown".to_owned())
}
