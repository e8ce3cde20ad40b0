//! An unreadable row blocks only itself, and stays a dead letter until it is fixed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use winserve_clerk::Workers;
use winserve_domain::{base::Clock, clerk::WorkOutcome};

use super::{clerk_commands::run_json, clerk_organizations::World};
use crate::fixtures::MAYOR;

/// The dead letters among these outcomes.
fn dead_letters(turns: &[WorkOutcome]) -> Vec<&str> {
    let dead = |turn| match turn {
        &WorkOutcome::Failed { ref failure, is_dead: true, .. } => Some(failure.as_str()),
        _ => None,
    };
    turns.iter().filter_map(dead).collect()
}

/// The dead letters that `backfill` lists, and why.
fn listed(world: &World) -> (Value, Vec<(Value, Value)>) {
    let (_, status) = run_json(world, &["status"]);
    let (_, list) = run_json(world, &["quarantine", "list"]);
    let entries = list["entries"].as_array().unwrap().iter();
    let entries = entries.map(|entry| (entry["key"].clone(), entry["code"].clone())).collect();
    (status["clerk"]["dead_letters"].clone(), entries)
}

fn retry(world: &World, reason: &str) {
    let (_, report) = run_json(world, &["quarantine", "retry", "--reason", reason]);
    assert_eq!(report["retried"], 1, "{report}");
}

#[actix_web::test]
async fn an_owner_with_an_unreadable_clerk_id_blocks_no_other() {
    // Without a Clerk id, or with a different one. Both are changes, so the row gets a new attempt.
    for mended in ["NULL", "'user_7'"] {
        let world = World::new();
        world.user(7);
        world.user(8);
        world.database.execute("UPDATE \"user\" SET clerk_id = 'seven' WHERE id = 7");
        world.campaign(11, 7);
        world.campaign(12, 8);
        let turns = world.drain().await;
        assert_eq!((turns.len(), dead_letters(&turns)), (2, vec!["user-damaged"]));
        world.only(&world.organization_of(12));
        let damaged = (world.organization_of(11), json!("user-damaged"));
        assert_eq!(listed(&world), (json!({"user-damaged": 1}), vec![damaged]));
        world.database.execute(&format!("UPDATE \"user\" SET clerk_id = {mended} WHERE id = 7"));
        if mended == "NULL" {
            retry(&world, "user-damaged");
        }
        world.drain().await;
        world.assert_provided();
    }
}

#[actix_web::test]
async fn a_hint_and_a_creator_that_cannot_be_read_are_none() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.database.execute(
        "UPDATE clerk_outbox SET clerk_organization_id = 'eleven', creating_since = now(), creating_for = 'seven'",
    );
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn a_deleted_one_with_an_unreadable_clerk_id_blocks_no_other() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.drain().await;
    let organization = world.organization_of(11);
    let id = world.only(&organization).id;
    world
        .database
        .execute("UPDATE organization SET clerk_organization_id = 'eleven'; DELETE FROM campaign");
    world.campaign(12, 7);
    let turns = world.drain().await;
    assert_eq!((turns.len(), dead_letters(&turns)), (2, vec!["clerk-id-damaged"]));
    let damaged = (organization, json!("clerk-id-damaged"));
    assert_eq!(listed(&world), (json!({"clerk-id-damaged": 1}), vec![damaged]));
    world.database.execute(&format!("UPDATE clerk_outbox SET clerk_organization_id = '{id}'"));
    retry(&world, "clerk-id-damaged");
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn an_unreadable_organization_blocks_no_other() {
    let world = World::new();
    world.user(7);
    world.campaign(12, 7);
    world.database.execute(&format!(
        "INSERT INTO ballot_position (id, source, office) VALUES ('{MAYOR}', 'ballot_ready', 'Mayor');
         INSERT INTO elected_office (id, updated_at, user_id, campaign_id, position_id, sworn_in_date)
             VALUES ('office', now(), 7, 12, '{MAYOR}', 'infinity')"
    ));
    let turns = world.drain().await;
    assert_eq!((turns.len(), dead_letters(&turns)), (2, vec!["organization-damaged"]));
    world.only(&world.organization_of(12));
    world.database.execute("UPDATE elected_office SET sworn_in_date = '2025-01-06'");
    retry(&world, "organization-damaged");
    world.drain().await;
    world.assert_provided();
}

/// Panics, to simulate a bug in code that reads the time.
struct BrokenClock;

impl Clock for BrokenClock {
    fn now(&self) -> DateTime<Utc> {
        panic!("the clock is broken")
    }
}

#[actix_web::test]
async fn one_that_makes_a_worker_panic_is_given_up_in_the_end() {
    let mut world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let clock = std::mem::replace(&mut world.provisioner.clock, Arc::new(BrokenClock));
    let turns = world.drain().await;
    assert_eq!((turns.len(), dead_letters(&turns)), (8, vec!["panicked"]));
    let row = world.database.row("SELECT dead_reason, lease_token FROM clerk_outbox");
    assert_eq!(row, json!({"dead_reason": "panicked", "lease_token": null}));
    world.provisioner.clock = clock;
    retry(&world, "panicked");
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn a_worker_that_panics_is_restarted() {
    let world = World::new();
    let mut provisioner = world.provisioner.clone();
    let has_panicked = Arc::new(AtomicBool::new(false));
    let panicked = Arc::clone(&has_panicked);
    provisioner.jitter = Arc::new(move || {
        assert!(panicked.swap(true, Ordering::Relaxed), "the first pause");
        0.0
    });
    let workers = Workers::start(&provisioner, 1);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !has_panicked.load(Ordering::Relaxed) {
        assert!(Instant::now() < deadline, "it never pauses");
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    world.user(7);
    world.campaign(11, 7);
    while world.pending() > 0 {
        assert!(Instant::now() < deadline, "no worker is running");
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    workers.stop().await;
    world.assert_provided();
}
