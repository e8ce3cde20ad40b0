//! `with-test-cluster COMMAND…`: runs a command with one PostgreSQL cluster for all its tests.

use std::process::{Command, ExitCode};

use winserve_testkit::{CLUSTER_VARIABLE, TestCluster};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        return ExitCode::from(2);
    };
    let cluster = TestCluster::start();
    let ended = Command::new(program).args(words).env(CLUSTER_VARIABLE, cluster.url()).status();
    match ended {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
