//! `backfill phase`.

use std::time::Duration;

use clap::Subcommand;
use serde_json::json;
use winserve_admin::{
    SCHEMA_VERSION,
    output::{print, print_json, print_with_next},
    parse_seconds, system_user,
};
use winserve_migration::{
    Phase, commands, migrate,
    phase::{self, PhaseChange, PhaseEntry, PhaseError},
    sql::{self as backfill, EnforceError},
    steps,
};
use winserve_persistence::{
    PgConnection,
    clerk_outbox::{self, SwitchChange},
};

use crate::failure::CommandError;

#[derive(Subcommand)]
pub(crate) enum PhaseCommand {
    /// Show the phase and all its changes
    Show,
    /// Enter the next phase, or turn phase-1b on
    Advance {
        /// `phase-1b`: the switch that syncs organizations to Clerk
        #[arg(value_name = "SWITCH", conflicts_with_all = ["to", "accept", "silent_for"])]
        switch: Option<SwitchName>,
        /// Phase to enter; default: the next one
        #[arg(long, value_name = "PHASE", value_parser = parse_phase)]
        to: Option<Phase>,
        /// Differences in the next phase that you accept, comma-separated
        #[arg(long, value_delimiter = ',', value_name = "CATEGORIES")]
        accept: Vec<String>,
        /// To phase-3 only: how long other services must not have changed an office or district
        #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = parse_seconds)]
        silent_for: f64,
        #[command(flatten)]
        change: Change,
    },
    /// Go back to the previous phase, or turn phase-1b off
    Back {
        /// `phase-1b`: stops calling Clerk; changes wait in the outbox
        #[arg(value_name = "SWITCH", conflicts_with = "accept")]
        switch: Option<SwitchName>,
        /// Categories of data loss (or `unverified`) that you accept, comma-separated
        #[arg(long, value_delimiter = ',', value_name = "CATEGORIES")]
        accept: Vec<String>,
        #[command(flatten)]
        change: Change,
    },
}

/// Switches in addition to the phase.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum SwitchName {
    /// Organizations in Clerk
    #[value(name = "phase-1b")]
    Phase1b,
}

#[derive(clap::Args)]
pub(crate) struct Change {
    /// Who changes the phase; default: the system user
    #[arg(long)]
    pub(crate) actor: Option<String>,
    /// Reason
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Print what would be done; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

pub(crate) fn parse_phase(name: &str) -> Result<Phase, String> {
    let names = Phase::ALL.map(Phase::as_str).join(", ");
    Phase::parse(name).ok_or_else(|| format!("this build knows the phases {names}"))
}

pub(crate) fn run(
    connection: &mut PgConnection,
    command: &PhaseCommand,
    json: bool,
) -> Result<(), CommandError> {
    migrate::require_legacy_tables(connection)?;
    match command {
        PhaseCommand::Show => show(connection, json),
        PhaseCommand::Advance { switch: Some(SwitchName::Phase1b), change, .. } => {
            turn(connection, true, change, json)
        }
        PhaseCommand::Back { switch: Some(SwitchName::Phase1b), change, .. } => {
            turn(connection, false, change, json)
        }
        PhaseCommand::Advance { to, accept, silent_for, change, .. } => {
            let from = phase::read(connection)?;
            let Some(next) = from.next() else {
                return Err(CommandError::NoStep(format!(
                    "this build knows no phase after {from}"
                )));
            };
            let to = to.unwrap_or(next);
            if to != next {
                return Err(CommandError::NoStep(format!("no step leads from {from} to {to}")));
            }
            if !migrate::is_expanded(connection, migrate::Group::Phase1)? {
                return Err(PhaseError::NotExpanded.into());
            }
            let silence = Duration::from_secs_f64(*silent_for);
            if !silence.is_zero() && to != Phase::Three {
                return Err(CommandError::NoStep(format!("--silent-for is not asked for {to}")));
            }
            enter(connection, &wanted(from, to, change, accept, silence), change.dry_run, json)
        }
        PhaseCommand::Back { accept, change, .. } => {
            let from = phase::read(connection)?;
            let Some(to) = from.previous() else {
                return Err(CommandError::NoStep(format!("there is no phase before {from}")));
            };
            let wanted = wanted(from, to, change, accept, Duration::ZERO);
            enter(connection, &wanted, change.dry_run, json)
        }
    }
}

fn wanted(
    from: Phase,
    to: Phase,
    change: &Change,
    accepted: &[String],
    silence: Duration,
) -> PhaseChange {
    PhaseChange {
        from,
        to,
        actor: change.actor.clone().unwrap_or_else(system_user),
        reason: change.reason.clone(),
        accepted: accepted.to_vec(),
        silence,
    }
}

fn show(connection: &mut PgConnection, json: bool) -> Result<(), CommandError> {
    let (now, history) = (phase::read(connection)?, phase::history(connection)?);
    let switch = clerk_outbox::read_switch(connection)?.map(|switch| switch.is_on);
    if json {
        return Ok(print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "phase": now,
            "phase_1b": switch,
            "history": history,
            "next_steps": [],
        }))?);
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
    Ok(print(&lines.join("\n"))?)
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
    wanted: &PhaseChange,
    is_dry_run: bool,
    json: bool,
) -> Result<(), CommandError> {
    let (from, to) = (wanted.from, wanted.to);
    let evidence = if to == Phase::Three { Some(phase::evidence(connection)?) } else { None };
    let outcome = if is_dry_run {
        phase::check(connection, wanted)?;
        "would_enter"
    } else {
        if to < from {
            // Only when the way back is open: otherwise the constraints stay.
            phase::check(connection, wanted)?;
            undo(connection, from)?;
        }
        phase::change(connection, wanted)?;
        "entered"
    };
    let next_step = if is_dry_run { wanted.command() } else { commands::PLAN.to_owned() };
    if json {
        let mut report = json!({
            "schema_version": SCHEMA_VERSION,
            "outcome": outcome,
            "from": from,
            "to": to,
            "next_steps": [next_step],
        });
        if let (Some(evidence), Some(report)) = (evidence, report.as_object_mut()) {
            report.insert("evidence".to_owned(), json!(evidence));
        }
        return Ok(print_json(&report)?);
    }
    let done = if is_dry_run { "Would enter" } else { "Entered" };
    let mut sentence = format!("{done} {to} (from {from}).");
    if let Some(evidence) = evidence {
        sentence = format!("{evidence}\n{sentence}");
    }
    Ok(print_with_next(&sentence, &[next_step])?)
}

/// Sets the switch.
fn turn(
    connection: &mut PgConnection,
    is_on: bool,
    change: &Change,
    json: bool,
) -> Result<(), CommandError> {
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
        (true, true) => commands::TURN_ON,
        (true, false) => steps::ADVANCE_PHASE_1B.next,
        (false, true) => commands::TURN_OFF,
        (false, false) => commands::PLAN,
    };
    if json {
        return Ok(print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "switch": "phase-1b",
            "outcome": outcome,
            "next_steps": [next_step],
        }))?);
    }
    let sentence = format!("phase-1b: {}.", outcome.replace('_', " "));
    Ok(print_with_next(&sentence, &[next_step.to_owned()])?)
}

/// The previous phase cannot satisfy what a phase enforces. What `enforce phase-3` drops stays
/// dropped: its gate is closed.
fn undo(connection: &mut PgConnection, phase: Phase) -> Result<(), EnforceError> {
    match phase {
        Phase::Legacy | Phase::Three => Ok(()),
        Phase::One => backfill::undo_phase_1(connection).map(drop),
        Phase::Two => backfill::undo_phase_2(connection).map(drop),
    }
}
