//! `backfill quarantine`.

use winserve_admin::{
    Exit,
    output::{print, print_json, print_with_next},
};
use winserve_migration::{
    Retry, Stop, list_quarantine, migrate, quarantine_table, retry_quarantine, show_quarantine,
};
use winserve_persistence::PgConnection;
use winserve_settings::Settings;

use crate::{failure::CommandError, lookups};

#[derive(clap::Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List rows that need a person, lookups that election-api did not answer, and organizations that could
    /// not be synced to Clerk
    List,
    /// Show what is wrong with one of them
    Show {
        /// Key of the row, or id of the organization
        key: String,
    },
    /// Ask election-api again about unanswered items, and retry dead letters. (The next run retries other
    /// rows.)
    Retry(RetryArguments),
}

impl QuarantineCommand {
    pub(crate) const fn writes(&self) -> bool {
        match self {
            Self::List | Self::Show { .. } => false,
            Self::Retry(arguments) => !arguments.dry_run,
        }
    }
}

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub(crate) struct RetryArguments {
    /// Keys of positions or campaigns, or ids of organizations
    #[arg(value_name = "KEY", group = "which")]
    keys: Vec<String>,
    /// All with this code
    #[arg(long, value_name = "CODE", group = "which")]
    reason: Option<String>,
    /// All
    #[arg(long, group = "which")]
    all: bool,
    /// Print how many; write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(
    connection: &mut PgConnection,
    command: &QuarantineCommand,
    settings: &Settings,
    url: &str,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
    migrate::require_legacy_tables(connection)?;
    let report = match command {
        QuarantineCommand::List => list_quarantine(connection)?,
        QuarantineCommand::Show { key } => show_quarantine(connection, key)?,
        QuarantineCommand::Retry(arguments) => {
            return retry(connection, arguments, settings, url, stop, json);
        }
    };
    if json {
        print_json(&report)?;
    } else {
        print(&quarantine_table(&report))?;
    }
    Ok(Exit::Done)
}

fn retry(
    connection: &mut PgConnection,
    arguments: &RetryArguments,
    settings: &Settings,
    url: &str,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
    let RetryArguments { keys, reason, all: _, dry_run } = arguments;
    let keys = (!keys.is_empty()).then_some(keys.as_slice());
    let retry = Retry { keys, code: reason.as_deref(), dry_run: *dry_run };
    let election = lookups::asking_again(settings, url, stop)?;
    let retried = retry_quarantine(connection, retry, election.as_ref())?;
    if json {
        print_json(&retried)?;
    } else {
        let would = if *dry_run { "would be" } else { "were" };
        let left = match (retried.left, &election) {
            (1.., Some(_)) if !*dry_run => {
                format!("\n{} remain: election-api still does not answer.", retried.left)
            }
            (1.., None) if !*dry_run => format!(
                "\n{} remain: set election_api.url, then run the same command again.",
                retried.left
            ),
            _ => String::new(),
        };
        let sentence = format!("{} entries {would} retried.{left}", retried.retried);
        print_with_next(&sentence, &retried.next_steps)?;
    }
    Ok(if retried.left > 0 && !*dry_run { Exit::Quarantine } else { Exit::Done })
}
