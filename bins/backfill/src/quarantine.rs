//! `backfill quarantine`.

use uuid::Uuid;
use winserve_backfill::{list_quarantine, quarantine_table, retry_quarantine, show_quarantine};
use winserve_persistence::{PgConnection, migrate};

use crate::{print, print_json, print_with_next};

#[derive(clap::Subcommand)]
pub(crate) enum QuarantineCommand {
    /// Lists rows that people should look at, and organizations that Clerk could not be told of.
    List,
    /// Shows what is wrong with one of them.
    Show {
        /// Key of the row, or id of the organization.
        key: String,
    },
    /// Gives organizations that were given up another chance. (Rows of tables get theirs with the next run.)
    Retry(RetryArguments),
}

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub(crate) struct RetryArguments {
    /// Ids of organizations.
    #[arg(value_name = "ORGANIZATION", group = "which")]
    organizations: Vec<Uuid>,
    /// All that were given up for this reason.
    #[arg(long, value_name = "CODE", group = "which")]
    reason: Option<String>,
    /// All.
    #[arg(long, group = "which")]
    all: bool,
    /// Says how many, and writes nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(
    connection: &mut PgConnection,
    command: &QuarantineCommand,
    json: bool,
) -> anyhow::Result<()> {
    migrate::require_legacy_tables(connection)?;
    let report = match command {
        QuarantineCommand::List => list_quarantine(connection)?,
        QuarantineCommand::Show { key } => show_quarantine(connection, key)?,
        QuarantineCommand::Retry(arguments) => return retry(connection, arguments, json),
    };
    if json { print_json(&report) } else { print(&quarantine_table(&report)) }
}

fn retry(
    connection: &mut PgConnection,
    arguments: &RetryArguments,
    json: bool,
) -> anyhow::Result<()> {
    let RetryArguments { organizations, reason, all: _, dry_run } = arguments;
    let named = (!organizations.is_empty()).then_some(organizations.as_slice());
    let retried = retry_quarantine(connection, named, reason.as_deref(), *dry_run)?;
    if json {
        return print_json(&retried);
    }
    let would = if *dry_run { "would get" } else { "get" };
    let sentence = format!("{} organizations {would} another chance.", retried.retried);
    print_with_next(&sentence, &retried.next_steps)
}
