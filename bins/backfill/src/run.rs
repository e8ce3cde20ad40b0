//! `backfill run`.

use std::time::Duration;

use clap::{ArgMatches, Args as _, Command, FromArgMatches, error::ErrorKind};
use winserve_admin::{
    Exit,
    output::{print, print_json},
};
use winserve_migration::{BatchJob, JOBS, LookUps, Options, Stop, migrate, progress, run_table};
use winserve_persistence::connect;
use winserve_settings::Settings;

use crate::{
    clerk::ClerkArguments, election::election_api, failure::CommandError, lookups::LookupArguments,
};

#[derive(clap::Subcommand)]
pub(crate) enum RunCommand {
    #[command(flatten)]
    Batches(BatchCommand),
    /// Create a Clerk organization for every organization in the database, or compare everything in
    /// Clerk with the expected state
    ClerkOrganizations(ClerkArguments),
    /// Ask election-api immediately about unverified positions and districts without an id.
    /// (Otherwise the servers ask from time to time.)
    LookUps(LookupArguments),
}

impl RunCommand {
    /// Whether the command may write.
    pub(crate) const fn writes(&self) -> bool {
        match self {
            Self::Batches(command) => !command.arguments.dry_run,
            Self::ClerkOrganizations(arguments) => !arguments.dry_run,
            Self::LookUps(arguments) => !arguments.dry_run,
        }
    }
}

/// A job that processes tables in batches: a command for each of [`JOBS`].
pub(crate) struct BatchCommand {
    job: &'static BatchJob,
    arguments: RunArguments,
}

impl clap::Subcommand for BatchCommand {
    fn augment_subcommands(command: Command) -> Command {
        let with = |command: Command, job: &&BatchJob| {
            command.subcommand(RunArguments::augment_args(Command::new(job.name)).about(job.about))
        };
        JOBS.iter().fold(command, with)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        JOBS.iter().any(|job| job.name == name)
    }
}

impl FromArgMatches for BatchCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let chosen = matches
            .subcommand()
            .and_then(|(name, matches)| Some((JOBS.iter().find(|job| job.name == name)?, matches)));
        let (job, matches) =
            chosen.ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        Ok(Self { job, arguments: RunArguments::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(clap::Args)]
pub(crate) struct RunArguments {
    /// Number of workers, each with its own connection (a single one with --aggressive uses two, and prepares
    /// a batch while it writes another); other processes can join
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Use large batches without pauses; default: small batches, and pauses twice as long as the work, for
    /// live users
    #[arg(long)]
    aggressive: bool,
    /// Batch lease in seconds; after it, another worker takes over
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    lease: u16,
    /// Print what would be done; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl RunArguments {
    pub(crate) fn options(&self, url: &str, stop: &Stop) -> Options {
        let polite = Options::new(url);
        Options {
            workers: usize::from(self.workers),
            nice: if self.aggressive { 0.0 } else { polite.nice },
            lease: Duration::from_secs(u64::from(self.lease)),
            stop: stop.clone(),
            ..polite
        }
    }
}

pub(crate) fn run(
    command: &BatchCommand,
    settings: &Settings,
    url: &str,
    stop: &Stop,
    json: bool,
) -> Result<Exit, CommandError> {
    let BatchCommand { job, arguments } = command;
    let mut connection = connect(url, "winserve-backfill")?;
    migrate::require_legacy_tables(&mut connection)?;
    if arguments.dry_run {
        let report = job.dry_run(&mut connection)?;
        if json { print_json(&report) } else { print(&report.to_string()) }?;
        return Ok(Exit::Done);
    }
    drop(connection);
    let lookups = election_api(settings)?.map(LookUps::new).transpose()?;
    let options = arguments.options(url, stop);
    let report = job.run(&options, lookups.as_ref(), &mut *progress::on_standard_error())?;
    if json { print_json(&report) } else { print(&run_table(&report)) }?;
    Ok(Exit::of_code(report.exit_code))
}
