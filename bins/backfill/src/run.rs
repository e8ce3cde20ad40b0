//! `backfill run`.

use std::time::Duration;

use winserve_migration::{
    LookUps, Options, Stop, dry_run_organizations, dry_run_positions, dry_run_voter_file_filters,
    migrate, progress, run_organizations, run_positions, run_table, run_voter_file_filters,
};
use winserve_persistence::connect;
use winserve_settings::Settings;

use crate::{
    clerk::ClerkArguments,
    election::election_api,
    exit::Exit,
    lookups::LookupArguments,
    printing::{print, print_json},
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
            Self::Batches(
                BatchCommand::Positions(arguments)
                | BatchCommand::Organizations(arguments)
                | BatchCommand::VoterFileFilters(arguments),
            ) => !arguments.dry_run,
            Self::ClerkOrganizations(arguments) => !arguments.dry_run,
            Self::LookUps(arguments) => !arguments.dry_run,
        }
    }
}

/// Jobs that process tables in batches.
#[derive(clap::Subcommand)]
pub(crate) enum BatchCommand {
    /// Collect the facts of every position that campaigns name
    Positions(RunArguments),
    /// Link every campaign and elected office to its organization and position
    Organizations(RunArguments),
    /// Attach saved filters to the organization of their campaign
    VoterFileFilters(RunArguments),
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
    dry_run: bool,
}

pub(crate) fn run(
    command: &BatchCommand,
    settings: &Settings,
    url: &str,
    stop: &Stop,
    json: bool,
) -> anyhow::Result<Exit> {
    let (BatchCommand::Positions(arguments)
    | BatchCommand::Organizations(arguments)
    | BatchCommand::VoterFileFilters(arguments)) = command;
    let mut connection = connect(url, "winserve-backfill")?;
    migrate::require_legacy_tables(&mut connection)?;
    if arguments.dry_run {
        let report = match command {
            BatchCommand::Positions(_) => dry_run_positions(&mut connection)?,
            BatchCommand::Organizations(_) => dry_run_organizations(&mut connection)?,
            BatchCommand::VoterFileFilters(_) => dry_run_voter_file_filters(&mut connection)?,
        };
        if json {
            print_json(&report)?;
        } else {
            print(&report.to_string())?;
        }
        return Ok(Exit::Done);
    }
    drop(connection);
    let lookups = election_api(settings)?.map(LookUps::new).transpose()?;
    let polite = Options::new(url);
    let options = Options {
        workers: usize::from(arguments.workers),
        nice: if arguments.aggressive { 0.0 } else { polite.nice },
        lease: Duration::from_secs(u64::from(arguments.lease)),
        stop: stop.clone(),
        ..polite
    };
    let mut observer = progress::on_standard_error();
    let report = match command {
        BatchCommand::Positions(_) => run_positions(&options, lookups.as_ref(), &mut *observer)?,
        BatchCommand::Organizations(_) => {
            run_organizations(&options, lookups.as_ref(), &mut *observer)?
        }
        BatchCommand::VoterFileFilters(_) => run_voter_file_filters(&options, &mut *observer)?,
    };
    if json {
        print_json(&report)?;
    } else {
        print(&run_table(&report))?;
    }
    Ok(Exit::of_code(report.exit_code))
}
