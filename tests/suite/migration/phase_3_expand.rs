//! `phase-3-expand`: what the old service can no longer read.

use serde_json::json;
use winserve_migration::Phase;
use winserve_migration::migrate::{Group, MigrateError, expand, revert};
use winserve_testkit::TestDatabase;

use crate::fixtures::{self, DUMP};

/// A database in phase 2 with the tables of phase 3.
fn expanded() -> TestDatabase {
    let database = TestDatabase::in_phase(Phase::Two);
    expand(&mut database.connect(), Group::Phase3).unwrap();
    database
}

#[test]
fn run_twice_it_is_harmless_and_down_undoes_it_to_the_letter() {
    let database = TestDatabase::in_phase(Phase::Two);
    let mut connection = database.connect();
    let before = database.rows(DUMP);
    assert_eq!(expand(&mut connection, Group::Phase3).unwrap().len(), 4);
    assert!(expand(&mut connection, Group::Phase3).unwrap().is_empty());
    let expanded = database.rows(DUMP);
    let refused = revert(&mut connection, Group::Phase2);
    assert!(matches!(refused, Err(MigrateError::PhaseInUse)), "{refused:?}");
    assert_eq!(revert(&mut connection, Group::Phase3).unwrap().len(), 4);
    assert_eq!(database.rows(DUMP), before);
    expand(&mut connection, Group::Phase3).unwrap();
    assert_eq!(database.rows(DUMP), expanded);
}

#[test]
fn it_requires_phase_2_expand_and_is_undone_before_it() {
    let database = TestDatabase::in_phase(Phase::One);
    let mut connection = database.connect();
    let refused = expand(&mut connection, Group::Phase3);
    assert!(matches!(refused, Err(MigrateError::FormerGroup("phase-2-expand"))), "{refused:?}");
    expand(&mut connection, Group::Phase2).unwrap();
    expand(&mut connection, Group::Phase3).unwrap();
    let refused = revert(&mut connection, Group::Phase2);
    assert!(matches!(refused, Err(MigrateError::LaterGroup("phase-3-expand"))), "{refused:?}");
}

#[test]
fn it_is_not_undone_halfway_when_an_office_has_no_campaign() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    database
        .execute("INSERT INTO elected_office (id, updated_at, user_id) VALUES ('o-1', now(), 7)");
    let before = database.rows(DUMP);
    let refused = revert(&mut database.connect(), Group::Phase3);
    assert!(matches!(refused, Err(MigrateError::WithoutCampaign { rows: 1, .. })), "{refused:?}");
    assert_eq!(database.rows(DUMP), before);
}

#[test]
fn deleting_a_campaign_leaves_the_office_that_was_won_with_it() {
    let database = expanded();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database.execute_unmapped(
        "INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('o-1', now(), 7, 11);
         INSERT INTO voter_file_filter (updated_at, campaign_id) VALUES (now(), 11);
         INSERT INTO ballot_position (id, source) VALUES ('shared', 'ballot_ready');
         UPDATE elected_office SET position_id = 'shared';
         DELETE FROM campaign; DELETE FROM ballot_position WHERE id = 'custom:office:o-1'",
    );
    let office = database.row("SELECT campaign_id, position_id FROM elected_office");
    assert_eq!(office, json!({"campaign_id": null, "position_id": "shared"}));
    assert_eq!(database.row("SELECT type FROM organization")["type"], "elected_office");
    assert!(database.rows("SELECT FROM voter_file_filter").is_empty());
}
