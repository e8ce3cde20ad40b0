//! `backfill` with an election-api that wants tokens of our machine.

use serde_json::json;
use winserve_migration::Phase;
use winserve_testkit::TestDatabase;

use crate::{
    api::binaries::election_tokens::{SECRET, guarded, is_verified},
    binaries::{backfill, output},
    fixtures::{self, MAYOR},
};

#[test]
fn backfill_asks_with_tokens_too() {
    let (clerk, election) = guarded();
    let database = TestDatabase::in_phase(Phase::One);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({"positionId": MAYOR}), None);
    fixtures::unlink(&database);
    let (code, stdout, stderr) = output(
        backfill(&database)
            .args(["run", "positions"])
            .env("WINSERVE__ELECTION_API__URL", election.url())
            .env("WINSERVE__ELECTION_API__MACHINE_SECRET_KEY", SECRET)
            .env("WINSERVE__CLERK__API_URL", clerk.api_url()),
    );
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert_eq!(is_verified(&database), true);
    assert!(!format!("{stdout}{stderr}").contains("canary"));
}

#[test]
fn what_the_folded_surface_cannot_answer_is_said_at_the_start() {
    let database = TestDatabase::in_phase(Phase::One);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let (code, _, stderr) = output(
        backfill(&database)
            .args(["run", "positions"])
            .env("WINSERVE__ELECTION_API__URL", "https://gp-api.example.org")
            .env("WINSERVE__ELECTION_API__SURFACE", "folded"),
    );
    assert_eq!(code, Some(0), "no confirmation was needed: {stderr}");
    assert!(stderr.contains("a position by BallotReady's id"), "{stderr}");
}
