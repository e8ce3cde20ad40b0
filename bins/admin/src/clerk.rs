//! `winserve-admin clerk`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use uuid::Uuid;
use winserve_admin::{
    Exit, MissingRight, SCHEMA_VERSION, Stop,
    clerk::{
        self, ClerkAccess, ClerkStatus, JOB, Pending, SyncedSoFar, Workers, describe_dead_letter,
        require_outbox, run_lines, status_lines, sweep_lines,
    },
    output::{print, print_json, print_with_next, say},
    system_user,
};
use winserve_clerk::{ClerkClient, ClerkOptions, PATIENT_TIMEOUT};
use winserve_persistence::{
    Db, DbOptions, PgConnection, Tables,
    clerk_outbox::{self, DeadLetter, SwitchChange},
    migrate::missing_rights,
    store_error,
};
use winserve_settings::{ConfiguredClerk, Settings, SettingsError};

use crate::{
    commands::{COMMANDS, NAME},
    failure::CommandError,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  winserve-admin clerk status                   show what is synced, what waits and what failed
  winserve-admin clerk run                      sync every organization that is not in Clerk yet
  winserve-admin clerk sweep                    compare everything in Clerk with the database
  winserve-admin clerk sweep --execute          ... and fix what differs
  winserve-admin clerk dead-letters             list organizations that could not be synced
  winserve-admin clerk retry --reason conflict  retry those that failed with a conflict
  winserve-admin clerk off --reason 'incident'  stop syncing; changes wait in the outbox";

/// Maximum number of listed dead letters.
const MOST: i64 = 1_000;
/// How often the progress of a run is reported.
const REPORT_EVERY: Duration = Duration::from_secs(10);

#[derive(clap::Subcommand)]
pub(crate) enum ClerkCommand {
    /// Show how many organizations are synced, what waits, and what failed
    Status,
    /// Start syncing organizations to Clerk
    On(SwitchArguments),
    /// Stop syncing organizations to Clerk; changes wait in the outbox
    Off(SwitchArguments),
    /// Sync every organization that is not in Clerk yet, and wait until all are synced
    #[command(after_help = "\
Examples:
  winserve-admin clerk run
  winserve-admin clerk run --dry-run
  winserve-admin clerk run --workers 8 --patience 600")]
    Run(RunArguments),
    /// Compare everything in Clerk with the database: orphans, duplicates, missing and outdated organizations
    #[command(after_help = "\
Examples:
  winserve-admin clerk sweep
  winserve-admin clerk sweep --execute --grace 3600")]
    Sweep(SweepArguments),
    /// List organizations that could not be synced
    #[command(after_help = "\
Examples:
  winserve-admin clerk dead-letters
  winserve-admin clerk dead-letters 018f2b6c-7c1a-7e39-9a54-0d2f5d8f0a11")]
    DeadLetters {
        /// Show only this organization.
        #[arg(value_name = "ORGANIZATION")]
        organization: Option<Uuid>,
    },
    /// Retry organizations that could not be synced
    #[command(after_help = "\
Examples:
  winserve-admin clerk retry --all
  winserve-admin clerk retry --reason conflict --dry-run
  winserve-admin clerk retry 018f2b6c-7c1a-7e39-9a54-0d2f5d8f0a11")]
    Retry(RetryArguments),
}

impl ClerkCommand {
    /// Whether the command may write.
    pub(crate) const fn writes(&self) -> bool {
        match self {
            Self::Status | Self::DeadLetters { .. } => false,
            Self::On(_) | Self::Off(_) => true,
            Self::Run(arguments) => !arguments.dry_run,
            Self::Sweep(arguments) => arguments.execute,
            Self::Retry(arguments) => !arguments.dry_run,
        }
    }
}

#[derive(clap::Args)]
pub(crate) struct SwitchArguments {
    /// Record who changes it; default: the system user
    #[arg(long)]
    actor: Option<String>,
    /// Record why
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(clap::Args)]
pub(crate) struct RunArguments {
    /// Sync this many organizations at once; all processes share one request budget
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Give up after this many seconds without a successful request to Clerk
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    patience: u32,
    /// Show how many organizations would be synced; call and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
pub(crate) struct SweepArguments {
    /// Fix what the sweep finds; deletes orphaned and duplicate organizations in Clerk
    #[arg(long)]
    execute: bool,
    /// Delete only orphans and duplicates that are older than this many seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    grace: u32,
    /// Give up after this many seconds without a successful request to Clerk
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    patience: u32,
}

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub(crate) struct RetryArguments {
    /// Retry these organizations
    #[arg(value_name = "ORGANIZATION", group = "which")]
    organizations: Vec<Uuid>,
    /// Retry all that failed for this reason
    #[arg(long, value_name = "CODE", group = "which")]
    reason: Option<String>,
    /// Retry all
    #[arg(long, group = "which")]
    all: bool,
    /// Show how many would be retried; write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(
    connection: &mut PgConnection,
    command: &ClerkCommand,
    settings: &Settings,
    url: &str,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
    let access = |patience| access(settings, patience, stop);
    require_outbox(connection)?;
    match command {
        ClerkCommand::Status => status(connection, json),
        ClerkCommand::On(arguments) => turn(connection, true, arguments, json),
        ClerkCommand::Off(arguments) => turn(connection, false, arguments, json),
        ClerkCommand::Run(arguments) if arguments.dry_run => show_pending(connection, json),
        ClerkCommand::Run(arguments) => {
            sync(connection, &access(arguments.patience)?, url, arguments.workers, json)
        }
        ClerkCommand::Sweep(arguments) => {
            let grace = Duration::from_secs(u64::from(arguments.grace));
            let access = access(arguments.patience)?;
            let report = clerk::sweep(connection, &access, grace, arguments.execute)?;
            if json { print_json(&report) } else { print(&sweep_lines(&report)) }?;
            Ok(Exit::of_code(report.exit_code))
        }
        ClerkCommand::DeadLetters { organization } => {
            list_dead_letters(connection, *organization, json)
        }
        ClerkCommand::Retry(arguments) => retry(connection, arguments, json),
    }
}

/// Access to the Clerk instance of the settings.
fn access(settings: &Settings, patience: u32, stop: &Stop) -> Result<ClerkAccess, CommandError> {
    let ConfiguredClerk { secret_key, issuer, section } =
        settings.clerk()?.ok_or(SettingsError::Missing {
            key: "clerk.secret_key",
            variable: "WINSERVE__CLERK__SECRET_KEY",
        })?;
    let options = ClerkOptions {
        timeout: PATIENT_TIMEOUT,
        ..ClerkOptions::new(&section.api_url, secret_key.clone(), issuer)
    };
    Ok(ClerkAccess {
        directory: Arc::new(ClerkClient::new(&options)?),
        limits: section.provisioning.limits(),
        patience: Duration::from_secs(u64::from(patience)),
        stop: stop.clone(),
        commands: &COMMANDS,
    })
}

fn status(connection: &mut PgConnection, json: bool) -> Result<Exit, CommandError> {
    let status = clerk_outbox::status(connection).map_err(store_error)?;
    let unqueued = clerk_outbox::count_unqueued(connection).map_err(store_error)?;
    let next_steps = after_status(&status, unqueued);
    if json {
        print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "clerk": status,
            "unqueued": unqueued,
            "next_steps": next_steps,
        }))?;
        return Ok(Exit::Done);
    }
    let mut lines = status_lines(&status);
    if unqueued > 0 {
        lines.push(format!("  {unqueued} are neither in Clerk nor queued"));
    }
    print_with_next(&lines.join("\n"), &next_steps)?;
    Ok(Exit::Done)
}

fn after_status(status: &ClerkStatus, unqueued: i64) -> Vec<String> {
    let steps = [
        (!status.is_on, COMMANDS.turn_on),
        (status.is_on && unqueued > 0, COMMANDS.run),
        (!status.dead_letters.is_empty(), COMMANDS.list_dead_letters),
    ];
    steps.into_iter().filter(|(is_due, _)| *is_due).map(|(_, step)| step.to_owned()).collect()
}

/// Refuses while servers could not use the outbox: they would fail at every change.
fn require_rights(connection: &mut PgConnection) -> Result<(), CommandError> {
    let statements = missing_rights(connection).map_err(store_error)?;
    if statements.is_empty() {
        return Ok(());
    }
    let refused = "a role with privileges on `campaign` lacks them on added tables or columns";
    Err(MissingRight::found(refused.to_owned(), statements).into())
}

fn turn(
    connection: &mut PgConnection,
    is_on: bool,
    arguments: &SwitchArguments,
    json: bool,
) -> Result<Exit, CommandError> {
    if is_on {
        require_rights(connection)?;
    }
    let change = SwitchChange {
        is_on,
        actor: arguments.actor.clone().unwrap_or_else(system_user),
        reason: arguments.reason.clone(),
    };
    if !clerk_outbox::turn_switch(connection, &change).map_err(store_error)? {
        return Err(CommandError::Unchanged { is_on });
    }
    let (outcome, sentence, next_step) = if is_on {
        ("turned_on", "Organizations are synced to Clerk now.", COMMANDS.run)
    } else {
        (
            "turned_off",
            "Organizations are no longer synced to Clerk; changes wait in the outbox.",
            STATUS,
        )
    };
    let next_steps = [next_step.to_owned()];
    if json {
        print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "outcome": outcome,
            "next_steps": next_steps,
        }))?;
    } else {
        print_with_next(sentence, &next_steps)?;
    }
    Ok(Exit::Done)
}

const STATUS: &str = "winserve-admin clerk status";

fn show_pending(connection: &mut PgConnection, json: bool) -> Result<Exit, CommandError> {
    let Pending { unqueued, waiting } = clerk::pending(connection)?;
    let next_steps = [COMMANDS.run.to_owned()];
    if json {
        print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "job": JOB,
            "rows": {"organization": unqueued, "clerk_outbox": waiting},
            "next_steps": next_steps,
        }))?;
    } else {
        let text = format!(
            "Would queue {unqueued} organizations; {waiting} wait already. Nothing was written."
        );
        print_with_next(&text, &next_steps)?;
    }
    Ok(Exit::Done)
}

fn sync(
    connection: &mut PgConnection,
    access: &ClerkAccess,
    url: &str,
    count: u8,
    json: bool,
) -> Result<Exit, CommandError> {
    let pool = DbOptions::new(NAME, u32::from(count) + 1);
    let workers = Workers { database: Arc::new(Db::connect(url, &pool, Arc::new(Tables))?), count };
    let mut reported = Instant::now();
    let report = clerk::run(connection, access, &workers, &mut |so_far| {
        if reported.elapsed() >= REPORT_EVERY {
            reported = Instant::now();
            let SyncedSoFar { done, total } = so_far;
            say(&format!("{done} of {total} organizations synced"));
        }
    })?;
    if json { print_json(&report) } else { print(&run_lines(&report)) }?;
    Ok(Exit::of_code(report.exit_code))
}

fn list_dead_letters(
    connection: &mut PgConnection,
    organization: Option<Uuid>,
    json: bool,
) -> Result<Exit, CommandError> {
    let letters =
        clerk_outbox::dead_letters(connection, organization, MOST).map_err(store_error)?;
    let next_steps = match letters.first() {
        Some(_) => vec!["winserve-admin clerk retry --all".to_owned()],
        None => Vec::new(),
    };
    if json {
        let entries: Vec<_> = letters.iter().map(entry).collect();
        print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "entries": entries,
            "next_steps": next_steps,
        }))?;
        return Ok(Exit::Done);
    }
    let mut lines: Vec<String> = letters
        .iter()
        .map(|letter| {
            let DeadLetter { organization, reason, at, .. } = letter;
            format!("{organization}  {reason}  since {at}  {}", describe_dead_letter(letter))
        })
        .collect();
    if lines.is_empty() {
        lines.push("There are no dead letters.".to_owned());
    }
    print_with_next(&lines.join("\n"), &next_steps)?;
    Ok(Exit::Done)
}

fn entry(letter: &DeadLetter) -> serde_json::Value {
    json!({
        "organization": letter.organization,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "is_deletion": letter.is_deletion,
        "at": letter.at,
    })
}

fn retry(
    connection: &mut PgConnection,
    arguments: &RetryArguments,
    json: bool,
) -> Result<Exit, CommandError> {
    let RetryArguments { organizations, reason, all: _, dry_run } = arguments;
    let organizations = (!organizations.is_empty()).then_some(organizations.as_slice());
    let act =
        if *dry_run { clerk_outbox::count_dead_letters } else { clerk_outbox::retry_dead_letters };
    let retried = act(connection, organizations, reason.as_deref()).map_err(store_error)?;
    let next_steps: Vec<String> = match (retried, *dry_run) {
        (0, _) | (_, true) => Vec::new(),
        (_, false) => vec![COMMANDS.run.to_owned()],
    };
    if json {
        print_json(&json!({
            "schema_version": SCHEMA_VERSION,
            "retried": retried,
            "dry_run": dry_run,
            "next_steps": next_steps,
        }))?;
    } else {
        let sentence = if *dry_run {
            format!("Would retry {retried} organizations. Nothing was written.")
        } else {
            format!("{retried} organizations will be synced again.")
        };
        print_with_next(&sentence, &next_steps)?;
    }
    Ok(Exit::Done)
}
