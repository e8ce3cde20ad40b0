//! `backfill clean` and `backfill restore`.

use winserve_admin::{
    Exit,
    output::{print, print_json},
};
use winserve_migration::{
    Stop, clean, clean_table, dry_run_clean, dry_run_restore, migrate, progress, restore,
    restore_table,
};
use winserve_persistence::{PgConnection, connect};

use crate::{failure::CommandError, run::RunArguments};

#[derive(clap::Args)]
pub(crate) struct CleanArguments {
    /// Differences for which the tables count, separated by commas: rows with these are not refused
    #[arg(long, value_name = "CATEGORIES", value_delimiter = ',')]
    accept: Vec<String>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

#[derive(clap::Args)]
pub(crate) struct RestoreArguments {
    /// `no-place`: drop archived keys whose voter goals or JSON object are gone; otherwise they stay in the archive
    #[arg(long, value_name = "CATEGORIES", value_delimiter = ',')]
    accept: Vec<String>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

pub(crate) fn run_clean(
    arguments: &CleanArguments,
    url: &str,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
    let connection = &mut legacy(url)?;
    let CleanArguments { accept, run } = arguments;
    let report = if run.dry_run {
        dry_run_clean(connection, accept)?
    } else {
        clean(&run.options(url, stop), accept, &mut *progress::on_standard_error())?
    };
    if json { print_json(&report) } else { print(&clean_table(&report)) }?;
    Ok(Exit::of_code(report.exit_code))
}

pub(crate) fn run_restore(
    arguments: &RestoreArguments,
    url: &str,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
    let connection = &mut legacy(url)?;
    let RestoreArguments { accept, run } = arguments;
    let report = if run.dry_run {
        dry_run_restore(connection, accept)?
    } else {
        restore(&run.options(url, stop), accept, &mut *progress::on_standard_error())?
    };
    if json { print_json(&report) } else { print(&restore_table(&report)) }?;
    Ok(Exit::of_code(report.exit_code))
}

fn legacy(url: &str) -> Result<PgConnection, CommandError> {
    let mut connection = connect(url, "winserve-backfill")?;
    migrate::require_legacy_tables(&mut connection)?;
    Ok(connection)
}
