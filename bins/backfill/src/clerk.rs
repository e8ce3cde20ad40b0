//! `backfill run clerk-organizations`.

use std::time::Duration;

use winserve_admin::{
    Stop,
    clerk::{ClerkAccess, run_lines, sweep_lines},
};
use winserve_backfill::{
    CLERK_COMMANDS, dry_run_clerk_organizations, progress, run_clerk_organizations,
    sweep_clerk_organizations,
};
use winserve_persistence::{connect, migrate};
use winserve_settings::Settings;

use crate::{exit::Exit, print, print_json};

#[derive(clap::Args)]
pub(crate) struct ClerkArguments {
    /// Organizations to sync at once; all processes share one budget of requests.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// How long to go on while no request to Clerk succeeds.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    patience: u32,
    /// Show what would be done; calls and writes nothing.
    #[arg(long, conflicts_with_all = ["sweep", "execute"])]
    dry_run: bool,
    /// Compare everything at Clerk with the database: orphans, duplicates, missing and outdated organizations.
    #[arg(long)]
    sweep: bool,
    /// Fix what the sweep finds; deletes orphaned and duplicate organizations at Clerk.
    #[arg(long, requires = "sweep")]
    execute: bool,
    /// How old an orphan or a duplicate must be before it is deleted.
    #[arg(long, default_value_t = 900, value_name = "SECONDS", requires = "sweep")]
    grace: u32,
}

pub(crate) fn run(
    arguments: &ClerkArguments,
    settings: &Settings,
    url: &str,
    stop: &Stop,
    json: bool,
) -> anyhow::Result<Exit> {
    let mut connection = connect(url, "winserve-backfill")?;
    migrate::require_legacy_tables(&mut connection)?;
    if arguments.dry_run {
        let report = dry_run_clerk_organizations(&mut connection)?;
        if json { print_json(&report) } else { print(&report.to_string()) }?;
        return Ok(Exit::Done);
    }
    drop(connection);
    let patience = Duration::from_secs(u64::from(arguments.patience));
    let access = ClerkAccess::configured(settings, patience, stop, &CLERK_COMMANDS)?;
    if arguments.sweep {
        let grace = Duration::from_secs(u64::from(arguments.grace));
        let report = sweep_clerk_organizations(url, &access, grace, arguments.execute)?;
        if json { print_json(&report) } else { print(&sweep_lines(&report)) }?;
        return Ok(Exit::of_code(report.exit_code));
    }
    let observer = &mut *progress::on_standard_error();
    let report = run_clerk_organizations(url, &access, arguments.workers, observer)?;
    if json { print_json(&report) } else { print(&run_lines(&report)) }?;
    Ok(Exit::of_code(report.exit_code))
}
