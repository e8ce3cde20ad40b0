//! `backfill enforce`.

use serde_json::json;
use winserve_admin::{
    SCHEMA_VERSION,
    output::{OutputError, print_json, print_with_next, say},
    system_user,
};
use winserve_migration::{
    LastStep, Phase, enforce_phase_3, migrate,
    sql::{self as backfill, EnforceError},
    steps::{self, Step},
    would_enforce_phase_3,
};
use winserve_persistence::PgConnection;

use crate::{failure::CommandError, phase::Change};

#[derive(clap::Subcommand)]
pub(crate) enum EnforceCommand {
    /// Make organization and position of campaigns and elected offices NOT NULL
    #[command(name = "phase-1")]
    Phase1(EnforceArguments),
    /// Prove that every organization is synced to Clerk, or queued
    #[command(name = "phase-1b")]
    Phase1b(ProveArguments),
    /// Make the organization of saved filters NOT NULL
    #[command(name = "phase-2")]
    Phase2(EnforceArguments),
    /// Drop the columns, triggers and records that only the old service needs; nothing undoes this
    #[command(name = "phase-3")]
    Phase3(LastArguments),
}

impl EnforceCommand {
    pub(crate) const fn writes(&self) -> bool {
        match self {
            Self::Phase1(arguments) | Self::Phase2(arguments) => !arguments.dry_run,
            Self::Phase1b(arguments) => !arguments.dry_run,
            Self::Phase3(arguments) => arguments.yes && !arguments.change.dry_run,
        }
    }
}

#[derive(clap::Args)]
pub(crate) struct EnforceArguments {
    /// Undo it
    #[arg(long)]
    undo: bool,
    /// Print what would be done; write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
pub(crate) struct ProveArguments {
    /// Dead-letter reasons that you accept, comma-separated
    #[arg(long, value_delimiter = ',', value_name = "REASONS")]
    accept: Vec<String>,
    /// Print whether the proof would succeed; record nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
pub(crate) struct LastArguments {
    /// Confirm that there is no way back; without it, nothing is changed
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    change: Change,
}

/// What a phase enforces, and how.
struct Enforcement {
    phase: Phase,
    step: &'static Step,
    would_enforce: fn(&mut PgConnection) -> Result<bool, EnforceError>,
    enforce: fn(&mut PgConnection) -> Result<Vec<String>, EnforceError>,
    would_undo: fn(&mut PgConnection) -> Result<bool, EnforceError>,
    undo: fn(&mut PgConnection) -> Result<Vec<String>, EnforceError>,
}

const PHASE_1: Enforcement = Enforcement {
    phase: Phase::One,
    step: &steps::ENFORCE_PHASE_1,
    would_enforce: backfill::would_enforce_phase_1,
    enforce: backfill::enforce_phase_1,
    would_undo: backfill::would_undo_phase_1,
    undo: backfill::undo_phase_1,
};
const PHASE_2: Enforcement = Enforcement {
    phase: Phase::Two,
    step: &steps::ENFORCE_PHASE_2,
    would_enforce: backfill::would_enforce_phase_2,
    enforce: backfill::enforce_phase_2,
    would_undo: backfill::would_undo_phase_2,
    undo: backfill::undo_phase_2,
};

pub(crate) fn run(
    connection: &mut PgConnection,
    command: &EnforceCommand,
    json: bool,
) -> Result<(), CommandError> {
    let (it, EnforceArguments { undo, dry_run }) = match command {
        EnforceCommand::Phase1b(arguments) => return prove(connection, arguments, json),
        EnforceCommand::Phase3(arguments) => return finish(connection, arguments, json),
        EnforceCommand::Phase1(arguments) => (PHASE_1, arguments),
        EnforceCommand::Phase2(arguments) => (PHASE_2, arguments),
    };
    migrate::require_legacy_tables(connection)?;
    let (outcome, changes) = match (*undo, *dry_run) {
        (true, false) => ("undone", (it.undo)(connection)?),
        (false, false) => ("enforced", (it.enforce)(connection)?),
        (true, true) if (it.would_undo)(connection)? => ("would_undo", Vec::new()),
        (false, true) if (it.would_enforce)(connection)? => ("would_enforce", Vec::new()),
        (_, true) => ("nothing_to_do", Vec::new()),
    };
    let next_step = match outcome {
        "would_undo" => format!("{} --undo", it.step.command),
        "would_enforce" => it.step.command.to_owned(),
        _ => it.step.next.to_owned(),
    };
    if json {
        return Ok(print_outcome(outcome, &changes, &next_step)?);
    }
    let what = match changes.as_slice() {
        [] => "nothing was changed".to_owned(),
        changes => changes.join(", "),
    };
    let sentence = format!("{} {}: {what}.", it.phase, outcome.replace('_', " "));
    Ok(print_with_next(&sentence, &[next_step])?)
}

/// Phase 1b enforces no column (design §3): the proof is recorded.
fn prove(
    connection: &mut PgConnection,
    arguments: &ProveArguments,
    json: bool,
) -> Result<(), CommandError> {
    migrate::require_legacy_tables(connection)?;
    let step = &steps::ENFORCE_PHASE_1B;
    let (outcome, next_step) = if arguments.dry_run {
        backfill::check_phase_1b(connection, &arguments.accept)?;
        ("would_enforce", step.command)
    } else {
        backfill::enforce_phase_1b(connection, &arguments.accept)?;
        ("enforced", step.next)
    };
    if json {
        return Ok(print_outcome(outcome, &[], next_step)?);
    }
    let sentence = format!("phase-1b {}.", outcome.replace('_', " "));
    Ok(print_with_next(&sentence, &[next_step.to_owned()])?)
}

/// The end of the migration. Says what goes before it goes.
fn finish(
    connection: &mut PgConnection,
    LastArguments { yes, change }: &LastArguments,
    json: bool,
) -> Result<(), CommandError> {
    migrate::require_legacy_tables(connection)?;
    let step = &steps::ENFORCE_PHASE_3;
    let would_enforce = would_enforce_phase_3(connection)?;
    let lost = backfill::lost_with_phase_3(connection)?;
    if would_enforce && (*yes || change.dry_run) {
        say(&lost.to_string());
    }
    let (outcome, changes, next_step) = match (would_enforce, change.dry_run) {
        (false, _) => ("nothing_to_do", Vec::new(), step.next.to_owned()),
        (true, true) => ("would_enforce", Vec::new(), format!("{} --yes", step.command)),
        (true, false) => {
            let wanted = LastStep {
                is_confirmed: *yes,
                actor: change.actor.clone().unwrap_or_else(system_user),
                reason: change.reason.clone(),
            };
            ("enforced", enforce_phase_3(connection, &wanted)?, step.next.to_owned())
        }
    };
    if json {
        return Ok(print_outcome(outcome, &changes, &next_step)?);
    }
    let sentence = format!("phase-3 {}.", outcome.replace('_', " "));
    Ok(print_with_next(&[changes, vec![sentence]].concat().join("\n"), &[next_step])?)
}

fn print_outcome(outcome: &str, columns: &[String], next_step: &str) -> Result<(), OutputError> {
    print_json(&json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": outcome,
        "columns": columns,
        "next_steps": [next_step],
    }))
}
