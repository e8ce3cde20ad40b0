//! A row that cannot be read holds up nobody else's, and is given up until people have mended it.

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_domain::use_cases::Turn;

use crate::{
    clerk_backfill::told,
    clerk_organizations::World,
    fixtures::{self, MAYOR},
};

/// What was given up in these turns.
fn given_up(turns: &[Turn]) -> Vec<&str> {
    let dead = |turn| match turn {
        &Turn::Failed { ref failure, is_dead: true, .. } => Some(failure.as_str()),
        _ => None,
    };
    turns.iter().filter_map(dead).collect()
}

/// What `backfill` lists as given up, and why.
fn listed(world: &World) -> (Value, Vec<(Value, Value)>) {
    let (_, status) = told(world, &["status"]);
    let (_, list) = told(world, &["quarantine", "list"]);
    let entries = list["entries"].as_array().unwrap().iter();
    let entries = entries.map(|entry| (entry["key"].clone(), entry["code"].clone())).collect();
    (status["clerk"]["dead_letters"].clone(), entries)
}

fn retry(world: &World, reason: &str) {
    let (_, report) = told(world, &["quarantine", "retry", "--reason", reason]);
    assert_eq!(report["retried"], 1, "{report}");
}

#[actix_web::test]
async fn an_owner_whose_clerk_id_cannot_be_read_holds_up_nobody_else() {
    // Unknown to Clerk, or known under another id, which is a change and gives another chance itself.
    for mended in ["NULL", "'user_7'"] {
        let world = World::new();
        world.user(7);
        world.user(8);
        world.database.execute("UPDATE \"user\" SET clerk_id = 'seven' WHERE id = 7");
        world.campaign(11, 7);
        world.campaign(12, 8);
        let turns = world.drain().await;
        assert_eq!((turns.len(), given_up(&turns)), (2, vec!["user-damaged"]));
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
async fn one_that_is_gone_and_whose_clerk_id_cannot_be_read_holds_up_nobody_else() {
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
    assert_eq!((turns.len(), given_up(&turns)), (2, vec!["clerk-id-damaged"]));
    let damaged = (organization, json!("clerk-id-damaged"));
    assert_eq!(listed(&world), (json!({"clerk-id-damaged": 1}), vec![damaged]));
    world.database.execute(&format!("UPDATE clerk_outbox SET clerk_organization_id = '{id}'"));
    retry(&world, "clerk-id-damaged");
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn an_organization_that_cannot_be_read_holds_up_nobody_else() {
    let world = World::new();
    world.user(7);
    world.database.execute(&format!(
        "INSERT INTO ballot_position (id, source, office) VALUES ('{MAYOR}', 'ballot_ready', 'Mayor');
         INSERT INTO elected_office (id, updated_at, user_id, position_id, sworn_in_date)
             VALUES ('office', now(), 7, '{MAYOR}', 'infinity')"
    ));
    world.campaign(12, 7);
    let turns = world.drain().await;
    assert_eq!((turns.len(), given_up(&turns)), (2, vec!["organization-damaged"]));
    world.only(&world.organization_of(12));
    world.database.execute("UPDATE elected_office SET sworn_in_date = '2025-01-06'");
    retry(&world, "organization-damaged");
    world.drain().await;
    world.assert_provided();
}

#[test]
fn a_retry_of_all_waits_for_no_dead_letter_that_somebody_holds() {
    let world = World::new();
    fixtures::user(&world.database, 7, "candidate");
    world.campaign(11, 7);
    world.campaign(12, 7);
    world.database.execute("UPDATE clerk_outbox SET dead_at = now(), dead_reason = 'no-answer'");
    let held = world.organization_of(11);
    let mut holder = world.database.connect();
    let begin = format!(
        "BEGIN; SELECT FROM clerk_outbox WHERE organization_id = '{}' FOR UPDATE",
        held.as_str().unwrap()
    );
    holder.batch_execute(&begin).unwrap();
    retry(&world, "no-answer");
    holder.batch_execute("COMMIT").unwrap();
    let dead = world
        .database
        .row("SELECT organization_id AS id FROM clerk_outbox WHERE dead_at IS NOT NULL");
    assert_eq!(dead["id"], held);
}
