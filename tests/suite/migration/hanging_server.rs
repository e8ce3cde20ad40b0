//! When a server hangs or does not answer, a waiting command reports it and can be stopped.

use std::{fs, net::TcpListener, time::Duration};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _, sql_types::Text,
};
use winserve_migration::migrate;
use winserve_testkit::TestCluster;

use super::binaries::interruptions::{line_with, spawn};
use crate::binaries::{Running, binary, send};

/// How long a stopped command may take to exit.
const LIMIT: Duration = Duration::from_secs(20);

/// All processes of a server, suspended while this value lives.
struct Frozen(Vec<u32>);

impl Frozen {
    fn freeze(connection: &mut PgConnection) -> Self {
        #[derive(QueryableByName)]
        struct File {
            #[diesel(sql_type = Text)]
            text: String,
        }
        let file: File = diesel::sql_query("SELECT pg_read_file('postmaster.pid') AS text")
            .get_result(connection)
            .unwrap();
        let postmaster: u32 = file.text.lines().next().unwrap().parse().unwrap();
        // The server starts no more processes now.
        assert!(send("-STOP", &[postmaster]));
        let mut processes = children_of(postmaster);
        assert!(send("-STOP", &processes));
        processes.push(postmaster);
        Self(processes)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        send("-CONT", &self.0);
    }
}

fn children_of(parent: u32) -> Vec<u32> {
    let line = format!("PPid:\t{parent}\n");
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let process: u32 = entry.unwrap().file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        status.contains(&line).then_some(process)
    });
    processes.collect()
}

#[test]
fn whoever_waits_for_a_server_that_hangs_learns_so_and_can_stop() {
    let cluster = TestCluster::start();
    let mut connection = PgConnection::establish(&cluster.url()).unwrap();
    migrate::baseline(&mut connection, false).unwrap();
    connection.batch_execute("BEGIN; LOCK TABLE campaign IN ACCESS EXCLUSIVE MODE").unwrap();
    let command = |name: &str| {
        let mut command = binary("backfill");
        command.env("WINSERVE__DATABASE__URL", cluster.url());
        spawn(command.args([name, "--waits-after", "0.3"]))
    };
    let (mut patient, mut impatient) = (command("status"), command("plan"));
    for child in [&mut patient, &mut impatient] {
        line_with(child, "waiting for pid ");
    }
    let _frozen = Frozen::freeze(&mut connection);
    line_with(&mut patient, "waiting for an answer of the database server");
    let (mut patient, mut impatient) = (Running(patient), Running(impatient));
    patient.signal("-INT");
    impatient.signal("-INT");
    impatient.signal("-TERM");
    assert_eq!(patient.ended_within(LIMIT), Some(22), "stopped once");
    assert_eq!(impatient.ended_within(LIMIT), Some(22), "stopped twice");
}

#[test]
fn whoever_waits_for_a_connection_learns_so_and_can_stop() {
    // The kernel accepts connections for it, but no process answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut command = binary("backfill");
    command.env("WINSERVE__DATABASE__URL", format!("postgresql://me@{address}/x"));
    let mut child = spawn(command.args(["status", "--waits-after", "0.2"]));
    line_with(&mut child, "waiting for the database to accept a connection: ");
    let mut command = Running(child);
    command.signal("-INT");
    assert_eq!(command.ended_within(LIMIT), Some(22));
}
