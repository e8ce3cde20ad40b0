//! `winserve-admin migrate`.

use serde_json::json;
use winserve_admin::{
    Exit, SCHEMA_VERSION,
    output::{print_json, print_with_next},
};
use winserve_persistence::{
    PgConnection,
    migrate::{Update, UpdateOutcome, update},
};

use crate::failure::CommandError;

pub(crate) const EXAMPLES: &str = "\
Examples:
  winserve-admin migrate            create or update the schema
  winserve-admin migrate --dry-run  list the migrations that are pending

A database whose migration from the old service has not ended is left alone: see `backfill plan`.";

#[derive(clap::Args)]
pub(crate) struct MigrateArguments {
    /// List the migrations that would be applied; writes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

pub(crate) fn run(
    connection: &mut PgConnection,
    arguments: &MigrateArguments,
    json: bool,
) -> Result<Exit, CommandError> {
    let Update { outcome, migrations } = update(connection, arguments.dry_run)?;
    let next_steps = if arguments.dry_run && outcome != UpdateOutcome::UpToDate {
        vec!["winserve-admin migrate".to_owned()]
    } else {
        Vec::new()
    };
    if json {
        print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "outcome": outcome,
            "migrations": migrations,
            "next_steps": next_steps,
        }))?;
        return Ok(Exit::Done);
    }
    let count = migrations.len();
    let summary = match outcome {
        UpdateOutcome::Created => format!("Created the schema: {count} migrations applied."),
        UpdateOutcome::Updated => format!("Updated the schema: {count} migrations applied."),
        UpdateOutcome::UpToDate => "The schema is up to date.".to_owned(),
        UpdateOutcome::WouldCreate => {
            format!("Would create the schema: {count} migrations. Nothing was written.")
        }
        UpdateOutcome::WouldUpdate => {
            format!("Would update the schema: {count} migrations. Nothing was written.")
        }
    };
    print_with_next(&[migrations, vec![summary]].concat().join("\n"), &next_steps)?;
    Ok(Exit::Done)
}
