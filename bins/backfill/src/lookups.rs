//! `backfill run look-ups`.

use std::collections::BTreeMap;

use winserve_admin::{
    Exit,
    output::{print, print_json},
};
use winserve_migration::{
    AskingAgain, RunError, Stop, ask_again, asking_again_table, migrate, open_look_ups, status,
};
use winserve_persistence::connect;
use winserve_settings::Settings;

use crate::{election::election_api, failure::CommandError};

#[derive(clap::Args)]
pub(crate) struct LookupArguments {
    /// Print the open lookups; call nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The service to call; `None` if `election_api.url` is not set.
pub(crate) fn asking_again(
    settings: &Settings,
    url: &str,
    stop: &Stop,
) -> Result<Option<AskingAgain>, CommandError> {
    let asking = |election| AskingAgain { url: url.to_owned(), election, stop: stop.clone() };
    Ok(election_api(settings)?.map(asking))
}

pub(crate) fn run(
    arguments: &LookupArguments,
    settings: &Settings,
    url: &str,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
    let mut connection = connect(url, "winserve-backfill")?;
    migrate::require_legacy_tables(&mut connection)?;
    if arguments.dry_run {
        let open = open_look_ups(&mut connection)?;
        let lines: Vec<_> =
            open.iter().map(|it| format!("{}: {} open", it.kind, it.open)).collect();
        if json {
            let open: BTreeMap<_, _> = open.iter().map(|it| (it.kind.as_str(), it.open)).collect();
            print_json(&serde_json::json!({
                "schema_version": status::SCHEMA_VERSION,
                "job": "look-ups",
                "dry_run": true,
                "open": open,
                "next_steps": ["backfill run look-ups"],
            }))?;
        } else {
            print(&if lines.is_empty() {
                "Nothing is open.".to_owned()
            } else {
                lines.join("\n")
            })?;
        }
        return Ok(Exit::Done);
    }
    let asking = asking_again(settings, url, stop)?.ok_or(RunError::NoElectionApi)?;
    let report = ask_again(&asking)?;
    if json {
        print_json(&report)?;
    } else {
        print(&asking_again_table(&report))?;
    }
    Ok(Exit::of_code(report.exit_code))
}
