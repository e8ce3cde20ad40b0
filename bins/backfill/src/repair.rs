//! `backfill repair`.

use winserve_admin::{
    Exit,
    output::{print, print_json},
};
use winserve_domain::base::SystemClock;
use winserve_migration::{
    Stop, dry_run_repair, migrate, repair, repair_table, sql::connect_repair,
};

use crate::failure::CommandError;

#[derive(clap::Args)]
pub(crate) struct RepairArguments {
    /// Also compare every row, and fix whatever `verify` finds; the JSON of a campaign is authoritative
    #[arg(long)]
    compare: bool,
    /// Continue until stopped
    #[arg(long, conflicts_with = "dry_run")]
    follow: bool,
    /// Print what would be done; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

pub(crate) fn run(
    url: &str,
    arguments: &RepairArguments,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
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
    Ok(Exit::of_code(report.exit_code))
}
