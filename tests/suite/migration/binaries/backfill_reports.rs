//! The output of `backfill --json` matches `docs/backfill-reports.schema.json`.

use serde_json::{Value, json};
use winserve_testkit::TestDatabase;

use crate::{
    migration::generated,
    reports::{json_of, mistakes_of},
};

#[test]
fn every_command_prints_the_json_that_its_schema_describes() {
    let database = TestDatabase::empty();
    let told = |database: &TestDatabase, arguments: &[&str]| drop(json_of(database, arguments));
    told(&database, &["status"]);
    told(&database, &["migrate", "baseline", "--dry-run"]);
    told(&database, &["migrate", "baseline"]);
    let database = generated::legacy(600);
    for arguments in [
        &["status"][..],
        &["plan"],
        &["migrate", "phase-1-expand", "--dry-run"],
        &["migrate", "phase-1-expand"],
        &["phase", "advance", "--dry-run"],
        &["phase", "advance", "--reason", "test"],
        &["phase", "show"],
        &["run", "positions", "--dry-run"],
        &["run", "positions"],
        &["run", "organizations", "--dry-run"],
        &["verify", "--dry-run"],
        &["run", "organizations", "--aggressive"],
        &["enforce", "phase-1"],
        &["verify"],
        &["enforce", "phase-1", "--dry-run"],
        &["enforce", "phase-1"],
        &["enforce", "phase-1", "--undo", "--dry-run"],
        &["enforce", "phase-1", "--undo"],
        &["migrate", "phase-1b-expand", "--dry-run"],
        &["migrate", "phase-1b-expand"],
        &["phase", "advance", "phase-1b", "--dry-run"],
        &["phase", "advance", "phase-1b"],
        &["phase", "advance", "phase-1b"],
        &["migrate", "phase-1b-expand", "--undo"],
        &["phase", "show"],
        &["phase", "back", "phase-1b"],
        &["migrate", "phase-1b-expand", "--undo"],
        &["phase", "back", "--accept", "second-campaigns"],
        &["phase", "show"],
        &["plan"],
    ] {
        told(&database, arguments);
    }
}

#[test]
fn the_test_of_the_schema_sees_what_is_wrong() {
    let wrong = |change: Value| {
        let mut report =
            json!({"schema_version": 1, "error": "x", "exit_code": 1, "next_steps": []});
        report.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        mistakes_of("error", &report).len()
    };
    assert_eq!(wrong(json!({})), 0);
    for change in [
        json!({"schema_version": 2}),
        json!({"exit_code": "1"}),
        json!({"exit_code": -1}),
        json!({"next_steps": [5]}),
        json!({"new": 1}),
    ] {
        assert!(wrong(change) > 0);
    }
}
