//! `backfill run`.

use std::{sync::Arc, time::Duration};

use winserve_backfill::{
    LookUps, Options, Stop, dry_run_organizations, dry_run_positions, dry_run_voter_file_filters,
    progress, run_organizations, run_positions, run_table, run_voter_file_filters,
};
use winserve_clerk::{MachineSecret, MachineTokenOptions, MachineTokens};
use winserve_domain::{base::SystemClock, positions::ElectionService};
use winserve_persistence::{connect, migrate};
use winserve_settings::{MachineKey, Settings};
use winserve_upstreams::{ElectionApi, ElectionApiOptions, TokenSource};

use crate::{clerk::ClerkArguments, exit::Exit, look_ups::LookUpArguments, print, print_json};

#[derive(clap::Subcommand)]
pub(crate) enum RunCommand {
    #[command(flatten)]
    Batches(BatchCommand),
    /// Gives every organization one at Clerk; or compares all that Clerk has with what it should have.
    ClerkOrganizations(ClerkArguments),
    /// Asks election-api at once about positions that nobody verified and districts without an id. (The
    /// servers ask by themselves, now and then.)
    LookUps(LookUpArguments),
}

impl RunCommand {
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

/// Jobs that go through tables in batches.
#[derive(clap::Subcommand)]
pub(crate) enum BatchCommand {
    /// Takes the facts of every position that campaigns name into the table of positions.
    Positions(RunArguments),
    /// Gives every campaign and elected office its organization and position.
    Organizations(RunArguments),
    /// Gives saved filters the organization of their campaign.
    VoterFileFilters(RunArguments),
}

#[derive(clap::Args)]
pub(crate) struct RunArguments {
    /// Workers, each with a connection of its own (a single one with --aggressive has two, and prepares a
    /// batch while another one is written); further processes may join as well.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Large batches without a rest; without it small ones, and twice as much rest as work, for live users.
    #[arg(long)]
    aggressive: bool,
    /// How long a batch belongs to a worker that gives no sign of life.
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    lease: u16,
    /// Says what would be done, and writes nothing.
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
    let look_ups = election_api(settings)?.map(LookUps::new).transpose()?;
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
        BatchCommand::Positions(_) => run_positions(&options, look_ups.as_ref(), &mut *observer)?,
        BatchCommand::Organizations(_) => {
            run_organizations(&options, look_ups.as_ref(), &mut *observer)?
        }
        BatchCommand::VoterFileFilters(_) => run_voter_file_filters(&options, &mut *observer)?,
    };
    if json {
        print_json(&report)?;
    } else {
        print(&run_table(&report))?;
    }
    Ok(Exit::of_run(report.exit_code))
}

/// election-api, asked with tokens of our machine where a key of it is configured.
pub(crate) fn election_api(
    settings: &Settings,
) -> anyhow::Result<Option<Arc<dyn ElectionService>>> {
    let Some(configured) = settings.election_api()? else { return Ok(None) };
    let surface = configured.surface;
    for what in surface.cannot_answer() {
        tracing::warn!(?surface, "election-api cannot be asked for {what}");
    }
    let tokens = machine_tokens(configured.machine_key, &settings.clerk.api_url)?;
    let options = ElectionApiOptions { surface, tokens, ..ElectionApiOptions::default() };
    let api = ElectionApi::with_options(configured.url, Arc::new(SystemClock), options)?;
    Ok(Some(Arc::new(api)))
}

fn machine_tokens(
    key: Option<MachineKey<'_>>,
    clerk: &str,
) -> anyhow::Result<Option<Arc<dyn TokenSource>>> {
    let secret = match key {
        None => return Ok(None),
        Some(MachineKey::Value(secret)) => MachineSecret::Value(secret.clone()),
        Some(MachineKey::File(file)) => MachineSecret::File(file.to_owned()),
    };
    let options = MachineTokenOptions::new(clerk, secret);
    Ok(Some(Arc::new(MachineTokens::new(options, Arc::new(SystemClock))?)))
}
