//! `winserve-admin`: help, exit codes, the schema, and organizations at Clerk, with the real binary.

use std::process::Command;

use serde_json::{Value, json};
use winserve_emulators::Action;
use winserve_persistence::migrate::{Group, baseline, expand};
use winserve_testkit::{Phase, TestApp, TestDatabase};

use crate::{
    api::{
        clerk_commands::{configured, world},
        clerk_organizations::World,
    },
    binaries::{binary, output},
    fixtures,
};

/// `winserve-admin` on a database.
pub(crate) fn admin(database: &TestDatabase) -> Command {
    let mut command = binary("winserve-admin");
    command.env("WINSERVE__DATABASE__URL", database.url());
    command
}

/// Runs a command with `--json` on a database without Clerk.
fn on(database: &TestDatabase, arguments: &[&str]) -> (Option<i32>, Value) {
    report(admin(database).args(arguments))
}

/// Runs a command with `--json` on a database with a Clerk.
fn on_world(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    report(configured(admin(&world.database), &world.clerk).args(arguments))
}

pub(crate) fn report(command: &mut Command) -> (Option<i32>, Value) {
    let (code, stdout, stderr) = output(command.arg("--json"));
    let report = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    (code, report)
}

#[test]
fn help_shows_examples_of_every_command_and_the_exit_codes() {
    for arguments in [
        &["migrate"][..],
        &["clerk"],
        &["clerk", "run"],
        &["clerk", "sweep"],
        &["clerk", "dead-letters"],
        &["clerk", "retry"],
    ] {
        let (code, stdout, _) = output(binary("winserve-admin").args(arguments).arg("--help"));
        assert_eq!(code, Some(0), "{arguments:?}");
        let example = format!("Examples:\n  winserve-admin {}", arguments.join(" "));
        assert!(stdout.contains(&example), "{stdout}");
    }
    let (_, stdout, _) = output(binary("winserve-admin").arg("--help"));
    assert!(stdout.contains("Exit codes: 0 done;"), "{stdout}");
    let (code, ..) = output(binary("winserve-admin").args(["clerk", "retry"]));
    assert_eq!(code, Some(2), "it must be told which ones");
}

#[test]
fn migrate_creates_the_schema_in_an_empty_database_which_starts_in_the_last_phase() {
    let database = TestDatabase::empty();
    let (code, dry) = on(&database, &["migrate", "--dry-run"]);
    assert_eq!((code, &dry["outcome"]), (Some(0), &json!("would_create")));
    assert_eq!(dry["next_steps"], json!(["winserve-admin migrate"]));
    let (code, created) = on(&database, &["migrate"]);
    assert_eq!((code, &created["outcome"]), (Some(0), &json!("created")));
    assert_eq!(created["migrations"], dry["migrations"]);
    let phase = database.row("SELECT phase FROM migration_phase");
    assert_eq!(phase, json!({"phase": "phase-3"}));
    let history = database.row("SELECT from_phase, to_phase FROM migration_phase_history");
    assert_eq!(history, json!({"from_phase": "legacy", "to_phase": "phase-3"}));

    let (code, stdout, _) = output(admin(&database).arg("migrate"));
    assert_eq!((code, stdout.as_str()), (Some(0), "The schema is up to date.\n"));
    assert_eq!(on(&database, &["clerk", "status"]).1["clerk"]["is_on"], json!(false));
}

#[actix_web::test]
async fn what_migrate_created_serves_a_first_user() {
    let database = TestDatabase::empty();
    assert_eq!(on(&database, &["migrate"]).0, Some(0));
    let app = TestApp::on(database).await;
    fixtures::user(&app.database, 7, "candidate");
    let created = app.user(7).post("/v1/campaigns", json!({})).await;
    assert_eq!(created.status, 201, "{created:?}");
    let organizations = app.user(7).get("/v1/organizations").await.json();
    assert_eq!(organizations["organizations"][0]["id"], created.json()["organizationId"]);
}

#[test]
fn migrate_applies_what_an_update_brings_and_takes_up_an_interrupted_creation() {
    let database = TestDatabase::empty();
    baseline(&mut database.connect(), false).unwrap();
    expand(&mut database.connect(), Group::Phase1).unwrap();
    let (code, dry) = on(&database, &["migrate", "--dry-run"]);
    assert_eq!((code, &dry["outcome"]), (Some(0), &json!("would_update")));
    let (code, updated) = on(&database, &["migrate"]);
    assert_eq!((code, &updated["outcome"]), (Some(0), &json!("updated")));
    assert_eq!(updated["migrations"], dry["migrations"]);
    assert_eq!(on(&database, &["migrate"]).1["outcome"], json!("up_to_date"));
}

#[test]
fn clerk_commands_say_what_to_do_first() {
    let database = TestDatabase::in_phase(Phase::One);
    let (code, refused) = on(&database, &["clerk", "status"]);
    assert_eq!((code, &refused["next_steps"]), (Some(10), &json!(["winserve-admin migrate"])));

    expand(&mut database.connect(), Group::Phase1b).unwrap();
    let (code, refused) = on(&database, &["clerk", "run", "--dry-run"]);
    assert_eq!((code, &refused["next_steps"]), (Some(10), &json!(["winserve-admin clerk on"])));
    let (code, refused) = on(&database, &["clerk", "run"]);
    assert_eq!(code, Some(2), "Clerk is not configured: {refused}");
}

#[test]
fn the_switch_is_not_turned_on_for_servers_that_may_not_use_the_outbox() {
    let database = TestDatabase::in_phase(Phase::One);
    expand(&mut database.connect(), Group::Phase1b).unwrap();
    let servers = database.server_role();
    expand(&mut database.connect(), Group::Phase1b).unwrap();
    database.execute(&format!("REVOKE ALL ON clerk_outbox FROM {servers}"));
    let (code, refused) = on(&database, &["clerk", "on"]);
    assert_eq!(code, Some(10), "{refused}");
    let steps = refused["next_steps"].as_array().unwrap();
    assert!(!steps.is_empty(), "{refused}");
    for step in steps {
        let statement = step.as_str().unwrap();
        assert!(statement.starts_with("GRANT") && statement.contains("clerk_outbox"), "{step}");
        database.execute(statement);
    }
    assert_eq!(on(&database, &["clerk", "on"]).0, Some(0));
}

#[test]
fn the_switch_is_turned_once_and_leaves_a_history() {
    let database = TestDatabase::in_phase(Phase::One);
    expand(&mut database.connect(), Group::Phase1b).unwrap();
    let on_ = ["clerk", "on", "--actor", "ann", "--reason", "ready"];
    let (code, turned) = on(&database, &on_);
    assert_eq!((code, &turned["outcome"]), (Some(0), &json!("turned_on")));
    let (code, again) = on(&database, &on_);
    assert_eq!((code, &again["next_steps"]), (Some(10), &json!(["winserve-admin clerk status"])));
    assert_eq!(on(&database, &["clerk", "off", "--actor", "bob"]).0, Some(0));
    let history =
        database.rows("SELECT to_phase, actor, reason FROM migration_phase_history ORDER BY id");
    assert_eq!(
        history,
        [
            json!({"to_phase": "phase-1b", "actor": "ann", "reason": "ready"}),
            json!({"to_phase": "without phase-1b", "actor": "bob", "reason": ""}),
        ]
    );
}

#[test]
fn a_run_syncs_every_organization_and_a_sweep_finds_and_fixes_what_differs() {
    let world = world();
    assert_eq!(on_world(&world, &["clerk", "status"]).1["unqueued"], json!(41));
    let (code, ran) = on_world(&world, &["clerk", "run"]);
    assert_eq!((code, &ran["queued"]), (Some(0), &json!(41)));
    assert_eq!(ran["next_steps"], json!(["winserve-admin clerk sweep"]));
    let (code, swept) = on_world(&world, &["clerk", "sweep"]);
    assert_eq!((code, &swept["findings"]), (Some(0), &json!([])));

    world.database.execute_unmapped(
        "UPDATE organization SET clerk_organization_id = NULL WHERE id =
             (SELECT id FROM organization ORDER BY id LIMIT 1)",
    );
    let (code, swept) = on_world(&world, &["clerk", "sweep"]);
    assert_eq!((code, &swept["findings"][0]["category"]), (Some(50), &json!("unstored")));
    assert_eq!(swept["next_steps"], json!(["winserve-admin clerk sweep --execute"]));
    let (code, fixed) = on_world(&world, &["clerk", "sweep", "--execute"]);
    assert_eq!((code, &fixed["next_steps"]), (Some(0), &json!(["winserve-admin clerk run"])));
    assert_eq!(on_world(&world, &["clerk", "run"]).0, Some(0));
    world.assert_provided();
}

#[test]
fn dead_letters_are_listed_and_retried_by_organization_reason_or_all_together() {
    let world = World::on(TestDatabase::with_clerk_outbox(Phase::One));
    world.user(7);
    world.campaign(1, 7);
    let refuse = Action::Status { status: 422, code: "form_param_value_invalid".to_owned() };
    world.fail_next("POST", "/v1/organizations", refuse);
    let (code, ran) = on_world(&world, &["clerk", "run"]);
    assert_eq!(
        (code, &ran["next_steps"]),
        (Some(41), &json!(["winserve-admin clerk dead-letters"]))
    );
    let (_, listed) = on_world(&world, &["clerk", "dead-letters"]);
    let organization = listed["entries"][0]["organization"].as_str().unwrap().to_owned();
    let reason = listed["entries"][0]["reason"].as_str().unwrap().to_owned();
    for (which, retried) in [
        (&["--reason", "another"][..], 0),
        (&["--reason", &reason, "--dry-run"], 1),
        (&["018f2b6c-7c1a-7e39-9a54-0d2f5d8f0a11"], 0),
        (&[&organization, "--dry-run"], 1),
        (&["--all"], 1),
        (&["--all"], 0),
    ] {
        let (code, report) = on_world(&world, &[&["clerk", "retry"], which].concat());
        assert_eq!((code, &report["retried"]), (Some(0), &json!(retried)), "{which:?}");
    }
    assert_eq!(on_world(&world, &["clerk", "dead-letters"]).1["entries"], json!([]));
}
