//! `backfill enforce`.

use serde_json::json;
use uuid::Uuid;
use winserve_backfill::status::SCHEMA_VERSION;
use winserve_domain::phase::Phase;
use winserve_persistence::{
    PgConnection, QueryResult,
    backfill::{self, EnforceError},
    migrate,
};

use crate::{print, print_json};

#[derive(clap::Subcommand)]
pub(crate) enum EnforceCommand {
    /// Makes organization and position of campaigns and elected offices NOT NULL.
    #[command(name = "phase-1")]
    Phase1(EnforceArguments),
    /// Proves that Clerk was told, or will be, of every organization.
    #[command(name = "phase-1b")]
    Phase1b(ProveArguments),
    /// Makes the organization of saved filters NOT NULL.
    #[command(name = "phase-2")]
    Phase2(EnforceArguments),
}

#[derive(clap::Args)]
pub(crate) struct EnforceArguments {
    /// Takes it back.
    #[arg(long)]
    undo: bool,
    /// Says what would be done, and writes nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
pub(crate) struct ProveArguments {
    /// Reasons of dead letters that may stay, by name.
    #[arg(long, value_delimiter = ',', value_name = "REASONS")]
    accept: Vec<String>,
    /// Says whether it would be proven, and records nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What there is to enforce in a phase, and how.
struct Enforcement {
    phase: Phase,
    is_enforced: fn(&mut PgConnection) -> QueryResult<bool>,
    is_anything_enforced: fn(&mut PgConnection) -> QueryResult<bool>,
    check: fn(&mut PgConnection) -> Result<Uuid, EnforceError>,
    enforce: fn(&mut PgConnection) -> Result<Vec<String>, EnforceError>,
    undo: fn(&mut PgConnection) -> Result<Vec<String>, EnforceError>,
}

const PHASE_1: Enforcement = Enforcement {
    phase: Phase::One,
    is_enforced: backfill::is_phase_1_enforced,
    is_anything_enforced: backfill::is_anything_enforced,
    check: backfill::check_phase_1,
    enforce: backfill::enforce_phase_1,
    undo: backfill::undo_phase_1,
};
const PHASE_2: Enforcement = Enforcement {
    phase: Phase::Two,
    is_enforced: backfill::is_phase_2_enforced,
    is_anything_enforced: backfill::is_anything_of_phase_2_enforced,
    check: backfill::check_phase_2,
    enforce: backfill::enforce_phase_2,
    undo: backfill::undo_phase_2,
};

pub(crate) fn run(
    connection: &mut PgConnection,
    command: &EnforceCommand,
    json: bool,
) -> anyhow::Result<()> {
    let (it, EnforceArguments { undo, dry_run }) = match command {
        EnforceCommand::Phase1b(arguments) => return prove(connection, arguments, json),
        EnforceCommand::Phase1(arguments) => (PHASE_1, arguments),
        EnforceCommand::Phase2(arguments) => (PHASE_2, arguments),
    };
    migrate::require_legacy_tables(connection)?;
    let (outcome, changes) = match (*undo, *dry_run) {
        (true, true) => {
            let any = (it.is_anything_enforced)(connection).map_err(EnforceError::from)?;
            (if any { "would_undo" } else { "nothing_to_do" }, Vec::new())
        }
        (true, false) => ("undone", (it.undo)(connection)?),
        (false, true) if (it.is_enforced)(connection).map_err(EnforceError::from)? => {
            ("nothing_to_do", Vec::new())
        }
        (false, true) => {
            (it.check)(connection)?;
            ("would_enforce", Vec::new())
        }
        (false, false) => ("enforced", (it.enforce)(connection)?),
    };
    if json {
        return print_outcome(outcome, &changes);
    }
    let what = match changes.as_slice() {
        [] => "nothing was changed".to_owned(),
        changes => changes.join(", "),
    };
    print(&format!("{} {}: {what}.", it.phase, outcome.replace('_', " ")))
}

/// Of phase 1b no column is enforced (design §3): what is proven is recorded.
fn prove(
    connection: &mut PgConnection,
    arguments: &ProveArguments,
    json: bool,
) -> anyhow::Result<()> {
    migrate::require_legacy_tables(connection)?;
    let outcome = if arguments.dry_run {
        backfill::check_phase_1b(connection, &arguments.accept)?;
        "would_enforce"
    } else {
        backfill::enforce_phase_1b(connection, &arguments.accept)?;
        "enforced"
    };
    if json {
        return print_outcome(outcome, &[]);
    }
    print(&format!("phase-1b {}.", outcome.replace('_', " ")))
}

fn print_outcome(outcome: &str, columns: &[String]) -> anyhow::Result<()> {
    print_json(&json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": outcome,
        "columns": columns,
        "next_steps": ["backfill plan"],
    }))
}
