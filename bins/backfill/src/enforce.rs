//! `backfill enforce`.

use serde_json::json;
use winserve_backfill::status::SCHEMA_VERSION;
use winserve_persistence::{
    PgConnection,
    backfill::{self, EnforceError},
    migrate,
};

use crate::{print, print_json};

#[derive(clap::Subcommand)]
pub(crate) enum EnforceCommand {
    /// Makes organization and position of campaigns and elected offices NOT NULL.
    #[command(name = "phase-1")]
    Phase1 {
        /// Makes them nullable again.
        #[arg(long)]
        undo: bool,
        /// Says what would be done, and writes nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) fn run(
    connection: &mut PgConnection,
    command: &EnforceCommand,
    json: bool,
) -> anyhow::Result<()> {
    let EnforceCommand::Phase1 { undo, dry_run } = command;
    migrate::require_legacy_tables(connection)?;
    let enforced = backfill::is_phase_1_enforced(connection).map_err(EnforceError::from)?;
    let (outcome, columns) = match (*undo, *dry_run) {
        (true, true) => {
            let any = backfill::is_anything_enforced(connection).map_err(EnforceError::from)?;
            (if any { "would_undo" } else { "nothing_to_do" }, Vec::new())
        }
        (true, false) => ("undone", backfill::undo_phase_1(connection)?),
        (false, true) if enforced => ("nothing_to_do", Vec::new()),
        (false, true) => {
            backfill::check_phase_1(connection)?;
            ("would_enforce", Vec::new())
        }
        (false, false) => ("enforced", backfill::enforce_phase_1(connection)?),
    };
    if json {
        return print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "outcome": outcome,
            "columns": columns,
            "next_steps": ["backfill plan"],
        }));
    }
    let changed = match columns.as_slice() {
        [] => "nothing was changed".to_owned(),
        columns => columns.join(", "),
    };
    print(&format!("Phase 1 {}: {changed}.", outcome.replace('_', " ")))
}
