//! `emulators`: stand-ins for the services behind Winserve, as a process. Never deployed.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use winserve_emulators::{ElectionEmulator, World};

/// Serves a stand-in for election-api until it is killed.
#[derive(Parser)]
struct Arguments {
    /// Address of election-api, such as 127.0.0.1:4100; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    election_bind: String,
    /// Positions and districts, one JSON object a line (`tests/data/world.py` writes them); without
    /// it, those of the demo data.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let world = match &arguments.world {
        Some(file) => World::read(file)?,
        None => World::demo(),
    };
    let (positions, districts) = (world.positions().len(), world.districts().len());
    let bind = &arguments.election_bind;
    let emulator = ElectionEmulator::start_on(bind, world)
        .with_context(|| format!("cannot listen on --election-bind {bind}"))?;
    #[expect(clippy::print_stdout, reason = "a tool prints its results")]
    {
        println!("election-api  {}  {positions} positions, {districts} districts", emulator.url());
    }
    Ok(emulator.wait()?)
}
