//! `run clerk-organizations`, `enforce phase-1b`, `quarantine`, `status` and `plan`, with the
//! real binary.

use serde_json::{Value, json};
use winserve_emulators::{Action, InstanceSettings, Match, Rule};
use winserve_migration::Phase;
use winserve_testkit::TestDatabase;

use super::binaries::interruptions::{line_with, spawn};
use crate::{
    api::{
        clerk_commands::{RUN, SWEEP, configured, ended, run_json, started, world},
        clerk_organizations::{World, requests},
    },
    binaries::{Running, backfill, output, wait_until},
};

#[test]
fn every_organization_of_before_gets_one_and_a_second_run_has_nothing_to_do() {
    let world = world();
    let (code, report) = run_json(&world, &["run", "clerk-organizations", "--dry-run"]);
    assert_eq!((code, &report["rows"]), (Some(0), &json!({"organization": 41, "clerk_outbox": 0})));
    assert_eq!(requests(&world.clerk, "*"), 0, "a dry run asks nothing");
    let (code, report) = run_json(&world, &RUN);
    assert_eq!((code, &report["queued"]), (Some(0), &json!(41)));
    assert_eq!(report["next_steps"], json!(["backfill enforce phase-1b"]));
    let clerk = &report["clerk"];
    assert_eq!(
        (&clerk["provided"], &clerk["pending"], &clerk["without_member"]),
        (&json!(41), &json!(0), &json!(4))
    );
    assert_eq!(clerk["without_member_keys"].as_array().unwrap().len(), 4);
    world.assert_provided();
    let creations = world.clerk.count_of("POST", "/v1/organizations");
    let (code, report) = run_json(&world, &RUN);
    assert_eq!((code, &report["queued"]), (Some(0), &json!(0)));
    assert_eq!(world.clerk.count_of("POST", "/v1/organizations"), creations);
    assert_eq!(run_json(&world, &SWEEP).0, Some(0));
}

#[test]
fn one_organization_that_clerk_always_fails_leaves_all_others_provided() {
    let world = world();
    let bad = world.database.row("SELECT organization_id AS id FROM campaign WHERE id = 20");
    let bad = bad["id"].as_str().unwrap().to_owned();
    world.clerk.plan(Rule {
        matches: Match {
            body_contains: Some(bad.clone()),
            ..Match::of("POST", "/v1/organizations")
        },
        action: Action::Status { status: 500, code: "internal_clerk_error".to_owned() },
        times: None,
        hits: 0,
        seen: 0,
    });
    let mut command = configured(backfill(&world.database), &world.clerk);
    command.env("WINSERVE__CLERK__PROVISIONING__MAX_ATTEMPTS", "2");
    let (code, stdout, stderr) = output(command.args(RUN).arg("--json"));
    let report: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    let clerk = &report["clerk"];
    assert_eq!(
        (code, &clerk["provided"], &clerk["pending"]),
        (Some(41), &json!(40), &json!(0)),
        "{report}"
    );
    let (_, listed) = run_json(&world, &["quarantine", "list"]);
    assert_eq!(listed["entries"][0]["key"], bad, "{listed}");
    world.clerk.heal();
    assert_eq!(run_json(&world, &["quarantine", "retry", &bad]).1["retried"], 1);
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    assert_eq!(run_json(&world, &["quarantine", "list"]).1["entries"], json!([]));
    world.assert_provided();
}

#[test]
fn the_path_of_phase_1b_from_plan_to_enforce_and_back() {
    let world = World::on(TestDatabase::in_phase(Phase::One));
    world.user(7);
    world.campaign(11, 7);
    let beside = |world: &World| {
        let (_, plan) = run_json(world, &["plan"]);
        let steps = plan["steps"].as_array().unwrap();
        let state = |step: &Value| step["state"].as_str().unwrap().to_owned();
        steps[steps.len() - 4..].iter().map(state).collect::<Vec<_>>().join(" ")
    };
    let refused = |arguments: &[&str], code: i32, next: &str| {
        let (refused, report) = run_json(&world, arguments);
        assert_eq!((refused, &report["next_steps"]), (Some(code), &json!([next])), "{report}");
    };
    assert_eq!(beside(&world), "beside later later later");
    refused(&RUN, 10, "backfill migrate phase-1b-expand");
    run_json(&world, &["migrate", "phase-1b-expand"]);
    assert_eq!(beside(&world), "done beside later later");
    refused(&RUN, 10, "backfill phase advance phase-1b");
    refused(&["enforce", "phase-1b"], 10, "backfill phase advance phase-1b");
    run_json(&world, &["phase", "advance", "phase-1b"]);
    assert_eq!(beside(&world), "done done beside later");
    world.database.execute("UPDATE organization SET created_at = now() - interval '16 min'");
    refused(&["enforce", "phase-1b"], 60, "backfill run clerk-organizations");
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    assert_eq!(beside(&world), "done done done beside");
    assert_eq!(
        run_json(&world, &["enforce", "phase-1b", "--dry-run"]).1["outcome"],
        "would_enforce"
    );
    assert_eq!(run_json(&world, &["enforce", "phase-1b"]).0, Some(0));
    assert_eq!(beside(&world), "done done done done");
    let (_, status) = run_json(&world, &["status"]);
    assert_eq!(
        (&status["clerk"]["is_on"], &status["clerk"]["provided"]),
        (&json!(true), &json!(1))
    );
    run_json(&world, &["phase", "back", "phase-1b"]);
    assert_eq!(beside(&world), "done beside later later");
    run_json(&world, &["migrate", "phase-1b-expand", "--undo"]);
    assert_eq!(beside(&world), "beside later later later");
    let kept =
        world.database.row("SELECT clerk_organization_id IS NOT NULL AS kept FROM organization");
    assert_eq!(kept["kept"], true, "what Clerk said stays");
}

#[test]
fn a_run_says_that_it_waits_for_clerk() {
    let world = world();
    world.clerk.fail("*", Action::RateLimit { retry_after: 60 });
    let mut command = configured(backfill(&world.database), &world.clerk);
    let mut child = spawn(command.args(RUN).args(["--waits-after", "0.5"]));
    line_with(&mut child, "waiting for Clerk to accept ");
    let running = Running(child);
    running.signal("-INT");
    assert_eq!(running.wait(), Some(22));
}

#[test]
fn without_a_clerk_the_run_names_the_variable_that_is_missing() {
    let world = world();
    let (code, _, stderr) = output(backfill(&world.database).args(RUN));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("WINSERVE__CLERK__SECRET_KEY"), "{stderr}");
}

#[test]
fn what_was_given_up_is_listed_shown_accepted_by_name_and_retried() {
    let world = world();
    let code = "form_param_value_invalid".to_owned();
    for _ in 0..2 {
        world.fail_next(
            "POST",
            "/v1/organizations",
            Action::Status { status: 422, code: code.clone() },
        );
    }
    let (exit, report) = run_json(&world, &RUN);
    let reason = "refused:form_param_value_invalid";
    assert_eq!((exit, &report["clerk"]["dead_letters"]), (Some(41), &json!({reason: 2})));
    assert_eq!(report["next_steps"], json!(["backfill quarantine list"]));
    let (_, list) = run_json(&world, &["quarantine", "list"]);
    let entries = list["entries"].as_array().unwrap();
    assert_eq!((entries.len(), &entries[0]["code"]), (2, &json!(reason)));
    let key = entries[0]["key"].as_str().unwrap();
    let (_, shown) = run_json(&world, &["quarantine", "show", key]);
    assert_eq!(shown["entries"], json!([entries[0]]));
    assert_eq!(run_json(&world, &["quarantine", "show", "17"]).1["entries"], json!([]));

    let (exit, refused) = run_json(&world, &["enforce", "phase-1b"]);
    assert_eq!((exit, &refused["next_steps"]), (Some(60), &json!(["backfill quarantine list"])));
    assert!(refused["error"].as_str().unwrap().contains(&format!("{reason} (2)")), "{refused}");
    assert_eq!(run_json(&world, &["enforce", "phase-1b", "--accept", "no-answer"]).0, Some(10));
    assert_eq!(run_json(&world, &["enforce", "phase-1b", "--accept", reason]).0, Some(0));

    assert_eq!(run_json(&world, &["quarantine", "retry", "--all", "--dry-run"]).1["retried"], 2);
    assert_eq!(run_json(&world, &["quarantine", "retry", key]).1["retried"], 1);
    assert_eq!(run_json(&world, &["quarantine", "retry", "--reason", "no-answer"]).1["retried"], 0);
    assert_eq!(run_json(&world, &["quarantine", "retry", "--reason", reason]).1["retried"], 1);
    assert_eq!(output(backfill(&world.database).args(["quarantine", "retry"])).0, Some(2));
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    world.assert_provided();
}

#[test]
fn an_instance_that_does_not_suit_ends_the_run_with_a_sentence() {
    let world = world();
    for (settings, words) in [
        (InstanceSettings { enabled: false, ..InstanceSettings::default() }, "disabled"),
        (
            InstanceSettings { force_organization_selection: true, ..InstanceSettings::default() },
            "requires membership",
        ),
        (
            InstanceSettings { organization_limit: Some(3), ..InstanceSettings::default() },
            "no room for further organizations",
        ),
    ] {
        world.clerk.set(settings);
        for arguments in [&RUN[..], &SWEEP] {
            if words.starts_with("no room") && arguments.len() > 2 {
                continue;
            }
            let (code, report) = run_json(&world, arguments);
            assert_eq!(code, Some(10), "{report}");
            assert!(report["error"].as_str().unwrap().contains(words), "{report}");
        }
    }
    world.clerk.set(InstanceSettings::default());
    world.make_all_due();
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    world.assert_provided();
}

#[test]
fn what_an_instance_does_not_say_of_itself_is_said() {
    let world = world();
    for arguments in [&RUN[..], &SWEEP] {
        assert_eq!(run_json(&world, arguments).1["unsaid"], json!([]));
    }
    let hidden = vec!["force_organization_selection".to_owned()];
    world.clerk.set(InstanceSettings { hidden, ..InstanceSettings::default() });
    for arguments in [&RUN[..], &SWEEP] {
        let (code, report) = run_json(&world, arguments);
        let said = report["unsaid"][0].as_str().unwrap();
        assert!(code == Some(0) && said.starts_with("cannot tell whether"), "{report}");
        let mut command = configured(backfill(&world.database), &world.clerk);
        let (_, table, _) = output(command.args(arguments));
        assert!(table.contains(said), "{table}");
    }
}

/// Also while it reads the settings, and while the workers pause because of them.
#[test]
fn a_run_asks_within_the_budget_whether_the_instance_suits_by_now() {
    let world = world();
    world.clerk.set(InstanceSettings { enabled: false, ..InstanceSettings::default() });
    let requests_left = "SELECT requests < 1 AS none FROM clerk_budget";
    for arguments in [&RUN[..], &SWEEP] {
        // A budget that is not refilled.
        world.database.execute_unmapped(
            "UPDATE clerk_budget SET requests = 1, refilled_at = clock_timestamp(),
                 halted_by = 'organizations-disabled', paused_until = now() + interval '1 h'",
        );
        let mut command = configured(backfill(&world.database), &world.clerk);
        command.env("WINSERVE__CLERK__PROVISIONING__REQUESTS_PER_SECOND", "0.01");
        assert_eq!(output(command.args(arguments)).0, Some(10));
        assert_eq!(world.database.row(requests_left)["none"], true);
    }
    assert_eq!(requests(&world.clerk, "*"), 2);
}

#[test]
fn waiting_attempts_are_reported_and_the_same_command_continues() {
    let world = world();
    let id = world.organization_of(11);
    world.database.execute(&format!(
        "INSERT INTO clerk_outbox (organization_id, next_attempt_at) VALUES ('{}', now() + interval '1 h')",
        id.as_str().unwrap()
    ));
    let (code, report) = run_json(&world, &RUN);
    assert_eq!((code, &report["clerk"]["pending"]), (Some(23), &json!(1)));
    assert_eq!(report["next_steps"], json!(["backfill run clerk-organizations"]));
    world.make_all_due();
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    world.assert_provided();
}

fn provided(world: &World) -> usize {
    let query = "SELECT FROM organization WHERE clerk_organization_id IS NOT NULL";
    world.database.rows(query).len()
}

#[test]
fn a_run_ends_when_phase_1b_is_turned_off_and_continues_when_it_is_on_again() {
    let world = world();
    let running = started(&world, &RUN);
    wait_until("it begins", || provided(&world) > 0);
    run_json(&world, &["phase", "back", "phase-1b"]);
    let (code, report) = ended(running, &RUN);
    assert_eq!(code, Some(21), "{report}");
    assert!(report["unfinished"].as_str().unwrap().contains("turned off"), "{report}");
    assert!(report["clerk"]["pending"].as_i64() > Some(0), "{report}");
    let next = ["backfill phase advance phase-1b", "backfill run clerk-organizations"];
    assert_eq!(report["next_steps"], json!(next));
    assert_eq!(run_json(&world, &RUN).0, Some(10));
    run_json(&world, &["phase", "advance", "phase-1b"]);
    let (code, report) = run_json(&world, &RUN);
    assert_eq!((code, report.get("unfinished")), (Some(0), None), "{report}");
    world.assert_provided();
}

#[test]
fn a_run_waits_for_a_clerk_that_goes_away_until_its_patience_or_a_signal_ends_it() {
    let mut world = world();
    let running = started(&world, &[&RUN[..], &["--patience", "5"]].concat());
    wait_until("it begins", || provided(&world) > 0);
    world.clerk.go_away();
    let (code, report) = ended(running, &RUN);
    assert_eq!(code, Some(30), "{report}");
    assert_eq!(report["unfinished"], "no request to Clerk has succeeded for 5 s");
    assert!(report["clerk"]["pending"].as_i64() > Some(0), "{report}");
    assert_eq!(report["next_steps"], json!(["backfill run clerk-organizations"]));

    world.clerk.come_back().unwrap();
    world.make_all_due();
    let before = provided(&world);
    let running = started(&world, &RUN);
    wait_until("it goes on", || provided(&world) > before);
    world.clerk.go_away();
    let paused = "SELECT FROM clerk_budget WHERE paused_until > now()";
    wait_until("it notices", || !world.database.rows(paused).is_empty());
    assert_eq!(Running(running).terminate(), Some(22));
    world.clerk.come_back().unwrap();
    world.make_all_due();
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    world.assert_provided();
}

#[test]
fn a_clerk_that_is_down_is_reported() {
    let world = world();
    let mut command = configured(backfill(&world.database), &world.clerk);
    let away = command.args(RUN).env("WINSERVE__CLERK__API_URL", "http://127.0.0.1:1/v1");
    let (code, _, stderr) = output(away);
    assert_eq!(code, Some(30), "{stderr}");
}

#[test]
fn a_proof_is_valid_until_phase_1b_is_turned_off() {
    let world = world();
    let is_proven = || {
        let (_, plan) = run_json(&world, &["plan"]);
        plan["steps"].as_array().unwrap().last().unwrap()["state"] == "done"
    };
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    assert_eq!(run_json(&world, &["enforce", "phase-1b"]).0, Some(0));
    assert!(is_proven());
    run_json(&world, &["phase", "back", "phase-1b"]);
    run_json(&world, &["phase", "advance", "phase-1b"]);
    assert!(!is_proven());
    assert_eq!(run_json(&world, &["enforce", "phase-1b"]).0, Some(0));
    assert!(is_proven());
}
