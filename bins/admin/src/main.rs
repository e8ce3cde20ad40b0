//! `winserve-admin`: commands for operators of a running Winserve.

mod clerk;
mod commands;
mod failure;
mod migrate;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Parser, Subcommand};
use commands::NAME;
use failure::CommandError;
use winserve_admin::{
    EXIT_CODES, Exit, Failure as _, Standby, Stop, Watch, WatchOptions,
    clerk::ClerkError,
    output::{self, say, with_next},
    parse_seconds, signals,
};
use winserve_persistence::{connect, is_standby, migrate::require_known_schema, store_error};
use winserve_settings::{Settings, database, telemetry};

/// Operate Winserve: migrate the schema, sync organizations to Clerk, and retry what failed.
///
/// The database is `database.url` (`WINSERVE__DATABASE__URL`), else the private cluster: the one that runs, or
/// one that is started for the duration of the command.
#[derive(Parser)]
#[command(name = NAME, version, after_help = EXIT_CODES)]
struct Arguments {
    /// Read the configuration from a TOML file; variables `WINSERVE__SECTION__KEY` override it
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Report what the command waits for after this many seconds, and again every ten seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 5.0, value_parser = parse_seconds)]
    waits_after: f64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create the schema in an empty database, or bring it up to date
    #[command(after_help = migrate::EXAMPLES)]
    Migrate(migrate::MigrateArguments),
    /// Sync organizations to Clerk, compare both sides, and retry what failed
    #[command(after_help = clerk::EXAMPLES)]
    Clerk {
        #[command(subcommand)]
        command: clerk::ClerkCommand,
    },
}

impl Command {
    /// Whether the command may write.
    const fn writes(&self) -> bool {
        match self {
            Self::Migrate(arguments) => !arguments.dry_run,
            Self::Clerk { command } => command.writes(),
        }
    }

    /// How long a stopped command may continue before its statements are cancelled
    fn grace(&self) -> Duration {
        match self {
            Self::Migrate(_) => Duration::ZERO,
            Self::Clerk { .. } => Duration::from_secs(1),
        }
    }
}

fn main() -> Exit {
    let arguments = Arguments::parse();
    let stop = Stop::default();
    run(&arguments, &stop).unwrap_or_else(|error| {
        // A stopped command fails because its statements were cancelled.
        let error = if stop.is_requested() { ClerkError::Stopped.into() } else { error };
        let (exit, next_steps) = (error.exit(), error.next_steps());
        let sentence = output::sentence(error.cause());
        say(&with_next(&format!("{NAME}: {sentence}"), &next_steps));
        if arguments.json {
            // It is already on standard error.
            let _closed = output::print_json_error(&sentence, exit.code(), &next_steps);
        }
        exit
    })
}

fn run(arguments: &Arguments, stop: &Stop) -> Result<Exit, CommandError> {
    let settings = Settings::of_process(arguments.config.as_deref())?;
    telemetry::init(&settings.log)?;
    let watcher = signals::Watcher::default();
    signals::stop_on_signals(stop.clone(), Arc::clone(&watcher)).map_err(CommandError::Signals)?;
    let database = database::open_existing(&settings.database)?;
    let url = database.url();
    watcher.get_or_init(|| {
        Watch::start(WatchOptions {
            url: url.to_owned(),
            waits_after: Duration::from_secs_f64(arguments.waits_after),
            grace: arguments.command.grace(),
            tell: say,
        })
    });
    let done = execute(arguments, &settings, url, stop).map_err(|error| {
        let changes_schema = matches!(arguments.command, Command::Migrate(_));
        error.explained(changes_schema, || connect(url, NAME).ok())
    });
    database.close()?;
    done
}

fn execute(
    arguments: &Arguments,
    settings: &Settings,
    url: &str,
    stop: &Stop,
) -> Result<Exit, CommandError> {
    let mut connection = connect(url, NAME)?;
    if arguments.command.writes() && is_standby(&mut connection).map_err(store_error)? {
        return Err(Standby.into());
    }
    require_known_schema(&mut connection)?;
    match &arguments.command {
        Command::Migrate(command) => migrate::run(&mut connection, command, arguments.json),
        Command::Clerk { command } => {
            clerk::run(&mut connection, command, settings, url, stop, arguments.json)
        }
    }
}
