//! The commands that sync organizations to Clerk, with the real binary.

use std::process::{Child, Command, Stdio};

use serde_json::Value;
use winserve_emulators::ClerkEmulator;
use winserve_persistence::migrate::{Group, expand};
use winserve_testkit::Phase;
use winserve_testkit::TestDatabase;

use super::clerk_organizations::World;
use crate::{
    binaries::{backfill, output},
    fixtures::{self, MAYOR},
    reports::assert_documented,
};

/// A binary with its database and this Clerk.
pub(crate) fn configured(mut command: Command, clerk: &ClerkEmulator) -> Command {
    command
        .env("WINSERVE__CLERK__SECRET_KEY", clerk.secret_key())
        .env("WINSERVE__CLERK__ISSUER", clerk.url())
        .env("WINSERVE__CLERK__API_URL", clerk.api_url())
        .env("WINSERVE__CLERK__PROVISIONING__REQUESTS_PER_SECOND", "2000")
        .env("WINSERVE__CLERK__PROVISIONING__SETTLE_SECONDS", "1");
    command
}

/// Runs a command with `--json`, and checks that its report matches the schema.
pub(crate) fn run_json(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = configured(backfill(&world.database), &world.clerk);
    let (code, stdout, stderr) = output(command.args(arguments).arg("--json"));
    let report = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    assert_documented(arguments, &report);
    (code, report)
}

pub(crate) const RUN: [&str; 2] = ["run", "clerk-organizations"];
pub(crate) const SWEEP: [&str; 3] = ["run", "clerk-organizations", "--sweep"];

/// Phase 1b is on, with organizations older than the outbox: 40 campaigns of ten users, one of them unknown to
/// Clerk, and an office.
pub(crate) fn world() -> World {
    let world = World::on(TestDatabase::in_phase(Phase::One));
    for id in 1..=9 {
        world.user(id);
    }
    fixtures::user(&world.database, 10, "candidate");
    for id in 1..=40 {
        world.campaign(id, 1 + id % 10);
    }
    world.database.execute(&format!(
        "INSERT INTO ballot_position (id, source, office) VALUES ('{MAYOR}', 'ballot_ready', 'Mayor');
         INSERT INTO elected_office (id, updated_at, user_id, campaign_id, position_id)
             VALUES ('office', now(), 7, 6, '{MAYOR}')"
    ));
    expand(&mut world.database.connect(), Group::Phase1b).unwrap();
    world.database.execute("UPDATE clerk_switch SET is_on = true");
    world
}

/// A running command with `--json`, slow enough that work is left for a while.
pub(crate) fn started(world: &World, arguments: &[&str]) -> Child {
    let mut command = configured(backfill(&world.database), &world.clerk);
    command
        .args(arguments)
        .arg("--json")
        .env("WINSERVE__CLERK__PROVISIONING__REQUESTS_PER_SECOND", "2")
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// The exit code of a command, and its report, which must match the schema.
pub(crate) fn ended(child: Child, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = child.wait_with_output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    assert_documented(arguments, &report);
    (output.status.code(), report)
}
