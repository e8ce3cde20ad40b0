//! `emulators`: emulators of the services behind Winserve, as a process. Never deployed.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use winserve_emulators::{
    ClerkEmulator, ElectionEmulator, Generation, Parties, PeopleEmulator, Population, World,
};

/// Serve emulators until the process is killed
#[derive(Parser)]
struct Arguments {
    /// Listen address of election-api, such as 127.0.0.1:4100; port 0 means any free port
    #[arg(long, value_name = "ADDRESS")]
    election_bind: String,
    /// File with positions and districts, one JSON object per line (`tests/data/world.py` writes it);
    /// default: the demo data
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Listen address of Clerk, such as 127.0.0.1:4200; default: no Clerk
    #[arg(long, value_name = "ADDRESS")]
    clerk_bind: Option<String>,
    /// Make election-api require signed tokens of the machine whose key is printed
    #[arg(long, requires = "clerk_bind")]
    election_tokens: bool,
    /// Make election-api answer as it does since June 2026
    #[arg(long)]
    election_later: bool,
    /// Listen address of people-api, such as 127.0.0.1:4300, with voters in the world's districts; default:
    /// no people-api
    #[arg(long, value_name = "ADDRESS")]
    people_bind: Option<String>,
    /// Parties of its voters
    #[arg(long, value_name = "WORLD", default_value = "a")]
    people_parties: Parties,
    /// Add members that people-api may have one day and that reveal a party
    #[arg(long)]
    people_future: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let world = match &arguments.world {
        Some(file) => World::read(file)?,
        None => World::demo(),
    };
    let (positions, districts) = (world.positions().len(), world.districts().len());
    let population = Population::of(&world);
    let bind = &arguments.election_bind;
    let election = ElectionEmulator::start_on(bind, world)
        .with_context(|| format!("cannot listen on --election-bind {bind}"))?;
    print(&format!(
        "election-api  {}  {positions} positions, {districts} districts",
        election.url()
    ));
    let clerk = arguments.clerk_bind.as_deref().map(clerk_on).transpose()?;
    if let Some(clerk) = clerk.as_ref().filter(|_| arguments.election_tokens) {
        election.demand_tokens(clerk);
        print(&format!("election-api  machine secret key {}", clerk.machine_secret()));
    }
    if arguments.election_later {
        election.speak(Generation::Later);
    }
    let people = arguments.people_bind.as_deref();
    let people = people.map(|bind| people_on(bind, population)).transpose()?;
    if let Some(people) = &people {
        people.set_parties(arguments.people_parties);
        people.set_future(arguments.people_future);
    }
    let ended = election.wait();
    drop((clerk, people));
    Ok(ended?)
}

fn clerk_on(bind: &str) -> anyhow::Result<ClerkEmulator> {
    let clerk = ClerkEmulator::start_on(bind)
        .with_context(|| format!("cannot listen on --clerk-bind {bind}"))?;
    print(&format!("Clerk  {}  secret key {}", clerk.url(), clerk.secret_key()));
    Ok(clerk)
}

fn people_on(bind: &str, population: Population) -> anyhow::Result<PeopleEmulator> {
    let people = PeopleEmulator::start_on(bind, population)
        .with_context(|| format!("cannot listen on --people-bind {bind}"))?;
    print(&format!("people-api  {}  secret {}", people.url(), people.secret()));
    Ok(people)
}

#[expect(clippy::print_stdout, reason = "a tool prints its results")]
fn print(line: &str) {
    println!("{line}");
}
