//! `backfill repair`.

use winserve_backfill::{Stop, dry_run_repair, repair, repair_table};
use winserve_domain::base::SystemClock;
use winserve_persistence::{backfill::connect_repair, migrate};

use crate::{exit::Exit, print, print_json};

#[derive(clap::Args)]
pub(crate) struct RepairArguments {
    /// Compares every row, too, and mends whatever `verify` finds. The JSON of a campaign counts.
    #[arg(long)]
    compare: bool,
    /// Goes on until it is stopped.
    #[arg(long, conflicts_with = "dry_run")]
    follow: bool,
    /// Says what would be done, and writes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

pub(crate) fn run(
    url: &str,
    arguments: &RepairArguments,
    stop: &Stop,
    json: bool,
) -> anyhow::Result<Exit> {
    let RepairArguments { compare, follow, dry_run } = *arguments;
    let connection = &mut connect_repair(url)?;
    migrate::require_legacy_tables(connection)?;
    let report = if dry_run {
        dry_run_repair(connection, compare)?
    } else {
        repair(connection, compare, follow, stop, &SystemClock)?
    };
    if json {
        print_json(&report)?;
    } else {
        print(&repair_table(&report))?;
    }
    Ok(Exit::of_run(report.exit_code))
}
