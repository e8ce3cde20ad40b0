//! `backfill run clerk-organizations`.

use std::{sync::Arc, time::Duration};

use winserve_admin::{
    Exit, Stop,
    clerk::{ClerkAccess, run_lines, sweep_lines},
    output::{print, print_json},
};
use winserve_clerk::{ClerkClient, ClerkOptions, PATIENT_TIMEOUT};
use winserve_migration::{
    CLERK_COMMANDS, dry_run_clerk_organizations, migrate, progress, run_clerk_organizations,
    sweep_clerk_organizations,
};
use winserve_persistence::connect;
use winserve_settings::{ConfiguredClerk, Settings, SettingsError};

use crate::failure::CommandError;

#[derive(clap::Args)]
pub(crate) struct ClerkArguments {
    /// Organizations to sync in parallel; all processes share one request budget
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Seconds to wait while no request to Clerk succeeds
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    patience: u32,
    /// Print what would be done; call and write nothing
    #[arg(long, conflicts_with_all = ["sweep", "execute"])]
    pub(crate) dry_run: bool,
    /// List everything in Clerk, and report orphans, duplicates, and what is missing or differs
    #[arg(long)]
    sweep: bool,
    /// Fix what the sweep finds; this deletes orphaned and duplicate organizations in Clerk
    #[arg(long, requires = "sweep")]
    execute: bool,
    /// Minimum age in seconds of an orphan or duplicate before it is deleted
    #[arg(long, default_value_t = 900, value_name = "SECONDS", requires = "sweep")]
    grace: u32,
}

pub(crate) fn run(
    arguments: &ClerkArguments,
    settings: &Settings,
    url: &str,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
    let mut connection = connect(url, "winserve-backfill")?;
    migrate::require_legacy_tables(&mut connection)?;
    if arguments.dry_run {
        let report = dry_run_clerk_organizations(&mut connection)?;
        if json { print_json(&report) } else { print(&report.to_string()) }?;
        return Ok(Exit::Done);
    }
    drop(connection);
    let ConfiguredClerk { secret_key, issuer, section } =
        settings.clerk()?.ok_or(SettingsError::Missing {
            key: "clerk.secret_key",
            variable: "WINSERVE__CLERK__SECRET_KEY",
        })?;
    let options = ClerkOptions {
        timeout: PATIENT_TIMEOUT,
        ..ClerkOptions::new(&section.api_url, secret_key.clone(), issuer)
    };
    let access = ClerkAccess {
        directory: Arc::new(ClerkClient::new(&options)?),
        limits: section.provisioning.limits(),
        patience: Duration::from_secs(u64::from(arguments.patience)),
        stop: stop.clone(),
        commands: &CLERK_COMMANDS,
    };
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
