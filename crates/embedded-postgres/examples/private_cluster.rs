//! Runs a private cluster in the given directory until Enter or the end of standard input.
//!
//! `cargo run --example private_cluster -- /var/tmp/my-cluster`

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use winserve_embedded_postgres::{Cluster, ClusterOptions};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let data_dir = std::env::args_os().nth(1).ok_or("usage: private_cluster DIRECTORY")?;
    let cluster = Cluster::start_or_attach(&ClusterOptions::new(data_dir))?;
    writeln!(io::stdout(), "{}", cluster.url("winserve"))?;
    io::stdin().read_line(&mut String::new())?;
    cluster.stop()?;
    Ok(())
}
