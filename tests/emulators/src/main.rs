//! `emulators`: stand-ins for the services behind Winserve, as a process. Never deployed.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use winserve_emulators::{
    ClerkEmulator, ElectionEmulator, Generation, Parties, PeopleEmulator, Population, World,
};

/// Serves stand-ins until it is killed.
#[derive(Parser)]
struct Arguments {
    /// Address of election-api, such as 127.0.0.1:4100; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    election_bind: String,
    /// Positions and districts, one JSON object a line (`tests/data/world.py` writes them); without
    /// it, those of the demo data.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Address of Clerk, such as 127.0.0.1:4200; without it, there is none.
    #[arg(long, value_name = "ADDRESS")]
    clerk_bind: Option<String>,
    /// Has election-api ask for signed tokens of the machine whose key is printed.
    #[arg(long, requires = "clerk_bind")]
    election_tokens: bool,
    /// Has election-api answer as it does since June 2026.
    #[arg(long)]
    election_later: bool,
    /// Address of people-api, such as 127.0.0.1:4300, with voters in the world's districts; without
    /// it, there is none.
    #[arg(long, value_name = "ADDRESS")]
    people_bind: Option<String>,
    /// Which parties its voters belong to.
    #[arg(long, value_name = "WORLD", default_value = "a")]
    people_parties: Parties,
    /// Shows what people-api may add one day, and tells a party.
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
