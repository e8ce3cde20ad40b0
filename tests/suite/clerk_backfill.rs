//! `run clerk-organizations` with its sweep, `enforce phase-1b`, `quarantine`, `status` and `plan`, with the
//! real binary.

use std::process::Command;

use serde_json::{Value, json};
use winserve_domain::{identity::ClerkOrganizationId, phase::Phase};
use winserve_emulators::{Action, ClerkEmulator, InstanceSettings};
use winserve_persistence::migrate::{Group, expand};
use winserve_testkit::TestDatabase;

use crate::{
    binaries::{backfill::backfill, backfill_reports::assert_documented, output},
    clerk_organizations::{World, requests},
    fixtures::{self, MAYOR},
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

/// Runs a command with `--json`, whose report is as documented.
fn told(world: &World, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = configured(backfill(&world.database), &world.clerk);
    let (code, stdout, stderr) = output(command.args(arguments).arg("--json"));
    let report = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    assert_documented(arguments, &report);
    (code, report)
}

const RUN: [&str; 2] = ["run", "clerk-organizations"];
const SWEEP: [&str; 3] = ["run", "clerk-organizations", "--sweep"];
const MEND: [&str; 6] = ["run", "clerk-organizations", "--sweep", "--execute", "--grace", "0"];

/// Organizations from before there was an outbox, phase 1b on: of 40 campaigns of ten users, of whom Clerk
/// does not know one, and an office.
fn world() -> World {
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
         INSERT INTO elected_office (id, updated_at, user_id, position_id) VALUES ('office', now(), 7, '{MAYOR}')"
    ));
    expand(&mut world.database.connect(), Group::Phase1b).unwrap();
    world.database.execute("UPDATE clerk_switch SET is_on = true");
    world
}

#[test]
fn every_organization_of_before_gets_one_and_a_second_run_has_nothing_to_do() {
    let world = world();
    let (code, report) = told(&world, &["run", "clerk-organizations", "--dry-run"]);
    assert_eq!((code, &report["rows"]), (Some(0), &json!({"organization": 41, "clerk_outbox": 0})));
    assert_eq!(requests(&world.clerk, "*"), 0, "a dry run asks nothing");
    let (code, report) = told(&world, &RUN);
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
    let (code, report) = told(&world, &RUN);
    assert_eq!((code, &report["queued"]), (Some(0), &json!(0)));
    assert_eq!(world.clerk.count_of("POST", "/v1/organizations"), creations);
    assert_eq!(told(&world, &SWEEP).0, Some(0));
}

#[test]
fn the_path_of_phase_1b_from_plan_to_enforce_and_back() {
    let world = World::on(TestDatabase::in_phase(Phase::One));
    world.user(7);
    world.campaign(11, 7);
    let beside = |world: &World| {
        let (_, plan) = told(world, &["plan"]);
        let steps = plan["steps"].as_array().unwrap();
        let state = |step: &Value| step["state"].as_str().unwrap().to_owned();
        steps[steps.len() - 4..].iter().map(state).collect::<Vec<_>>().join(" ")
    };
    let refused = |arguments: &[&str], code: i32, next: &str| {
        let (refused, report) = told(&world, arguments);
        assert_eq!((refused, &report["next_steps"]), (Some(code), &json!([next])), "{report}");
    };
    assert_eq!(beside(&world), "beside later later later");
    refused(&RUN, 10, "backfill migrate phase-1b-expand");
    told(&world, &["migrate", "phase-1b-expand"]);
    assert_eq!(beside(&world), "done beside later later");
    refused(&RUN, 10, "backfill phase advance phase-1b");
    refused(&["enforce", "phase-1b"], 10, "backfill phase advance phase-1b");
    told(&world, &["phase", "advance", "phase-1b"]);
    assert_eq!(beside(&world), "done done beside later");
    world.database.execute("UPDATE organization SET created_at = now() - interval '16 min'");
    refused(&["enforce", "phase-1b"], 60, "backfill run clerk-organizations");
    assert_eq!(told(&world, &RUN).0, Some(0));
    assert_eq!(beside(&world), "done done done beside");
    assert_eq!(told(&world, &["enforce", "phase-1b", "--dry-run"]).1["outcome"], "would_enforce");
    assert_eq!(told(&world, &["enforce", "phase-1b"]).0, Some(0));
    assert_eq!(beside(&world), "done done done done");
    let (_, status) = told(&world, &["status"]);
    assert_eq!(
        (&status["clerk"]["is_on"], &status["clerk"]["provided"]),
        (&json!(true), &json!(1))
    );
    told(&world, &["phase", "back", "phase-1b"]);
    assert_eq!(beside(&world), "done beside later later");
    told(&world, &["migrate", "phase-1b-expand", "--undo"]);
    assert_eq!(beside(&world), "beside later later later");
    let kept =
        world.database.row("SELECT clerk_organization_id IS NOT NULL AS kept FROM organization");
    assert_eq!(kept["kept"], true, "what Clerk said stays");
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
    let (exit, report) = told(&world, &RUN);
    let reason = "refused:form_param_value_invalid";
    assert_eq!((exit, &report["clerk"]["dead_letters"]), (Some(41), &json!({reason: 2})));
    assert_eq!(report["next_steps"], json!(["backfill quarantine list"]));
    let (_, list) = told(&world, &["quarantine", "list"]);
    let entries = list["entries"].as_array().unwrap();
    assert_eq!((entries.len(), &entries[0]["code"]), (2, &json!(reason)));
    let key = entries[0]["key"].as_str().unwrap();
    let (_, shown) = told(&world, &["quarantine", "show", key]);
    assert_eq!(shown["entries"], json!([entries[0]]));
    assert_eq!(told(&world, &["quarantine", "show", "17"]).1["entries"], json!([]));

    let (exit, refused) = told(&world, &["enforce", "phase-1b"]);
    assert_eq!((exit, &refused["next_steps"]), (Some(60), &json!(["backfill quarantine list"])));
    assert!(refused["error"].as_str().unwrap().contains(&format!("{reason} (2)")), "{refused}");
    assert_eq!(told(&world, &["enforce", "phase-1b", "--accept", "no-answer"]).0, Some(10));
    assert_eq!(told(&world, &["enforce", "phase-1b", "--accept", reason]).0, Some(0));

    assert_eq!(told(&world, &["quarantine", "retry", "--all", "--dry-run"]).1["retried"], 2);
    assert_eq!(told(&world, &["quarantine", "retry", key]).1["retried"], 1);
    assert_eq!(told(&world, &["quarantine", "retry", "--reason", "no-answer"]).1["retried"], 0);
    assert_eq!(told(&world, &["quarantine", "retry", "--reason", reason]).1["retried"], 1);
    assert_eq!(output(backfill(&world.database).args(["quarantine", "retry"])).0, Some(2));
    assert_eq!(told(&world, &RUN).0, Some(0));
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
            let (code, report) = told(&world, arguments);
            assert_eq!(code, Some(10), "{report}");
            assert!(report["error"].as_str().unwrap().contains(words), "{report}");
        }
    }
    world.clerk.set(InstanceSettings::default());
    world.hurry();
    assert_eq!(told(&world, &RUN).0, Some(0));
    world.assert_provided();
}

#[test]
fn what_an_instance_does_not_say_of_itself_is_said() {
    let world = world();
    for arguments in [&RUN[..], &SWEEP] {
        assert_eq!(told(&world, arguments).1["unsaid"], json!([]));
    }
    let hidden = vec!["force_organization_selection".to_owned()];
    world.clerk.set(InstanceSettings { hidden, ..InstanceSettings::default() });
    for arguments in [&RUN[..], &SWEEP] {
        let (code, report) = told(&world, arguments);
        let said = report["unsaid"][0].as_str().unwrap();
        assert!(code == Some(0) && said.starts_with("cannot tell whether"), "{report}");
        let mut command = configured(backfill(&world.database), &world.clerk);
        let (_, table, _) = output(command.args(arguments));
        assert!(table.contains(said), "{table}");
    }
}

/// Even where it is asked about settings, and while the workers leave it alone for them.
#[test]
fn a_run_asks_within_the_budget_whether_the_instance_suits_by_now() {
    let world = world();
    world.clerk.set(InstanceSettings { enabled: false, ..InstanceSettings::default() });
    let requests_left = "SELECT requests < 1 AS none FROM clerk_budget";
    for arguments in [&RUN[..], &SWEEP] {
        // A budget that does not fill up.
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
fn what_waits_for_a_later_attempt_is_told_and_the_same_command_goes_on() {
    let world = world();
    let id = world.organization_of(11);
    world.database.execute(&format!(
        "INSERT INTO clerk_outbox (organization_id, next_attempt_at) VALUES ('{}', now() + interval '1 h')",
        id.as_str().unwrap()
    ));
    let (code, report) = told(&world, &RUN);
    assert_eq!((code, &report["clerk"]["pending"]), (Some(23), &json!(1)));
    assert_eq!(report["next_steps"], json!(["backfill run clerk-organizations"]));
    world.hurry();
    assert_eq!(told(&world, &RUN).0, Some(0));
    world.assert_provided();
}

#[test]
fn a_clerk_that_is_away_is_told() {
    let world = world();
    let mut command = configured(backfill(&world.database), &world.clerk);
    let away = command.args(RUN).env("WINSERVE__CLERK__API_URL", "http://127.0.0.1:1/v1");
    let (code, _, stderr) = output(away);
    assert_eq!(code, Some(30), "{stderr}");
}

/// Something at Clerk that we did not put there, with this private metadata.
async fn planted(world: &World, name: &str, private: &Value) -> String {
    let answer = winserve_testkit::http_client()
        .post(format!("{}/organizations", world.clerk.api_url()))
        .bearer_auth(world.clerk.secret_key())
        .json(&json!({"name": name, "private_metadata": private, "created_by": "user_1"}))
        .send()
        .await
        .unwrap();
    answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_sweep_finds_what_differs_and_mends_it_only_when_asked() {
    let world = world();
    assert_eq!(told(&world, &RUN).0, Some(0));
    let source = world.database.row("SELECT source FROM clerk_switch")["source"].clone();
    let unknown = "0193f6a4-0000-7000-8000-00000000000a";
    let orphan = planted(&world, "Orphan", &json!({"ref": unknown, "source": source})).await;
    let double =
        planted(&world, "Double", &json!({"ref": world.organization_of(1), "source": source}))
            .await;
    let foreign = planted(&world, "Foreign", &json!({})).await;
    // A copy of a database has organizations of the same ids.
    let other = json!({"ref": world.organization_of(5), "source": unknown});
    let of_another = planted(&world, "Another's", &other).await;
    let missing = world.stored(&world.organization_of(2)).as_str().unwrap().to_owned();
    assert!(world.clerk.delete_organization(&missing));
    let unstored = world.stored(&world.organization_of(3)).as_str().unwrap().to_owned();
    world.database.execute(&format!(
        "UPDATE organization SET clerk_organization_id = NULL WHERE clerk_organization_id = '{unstored}';
         ALTER TABLE campaign DISABLE TRIGGER campaign_provisioned;
         UPDATE campaign SET position_id = '{MAYOR}' WHERE id = 4;
         ALTER TABLE campaign ENABLE TRIGGER campaign_provisioned"
    ));
    world.database.expect_damage();
    let differing = world.stored(&world.organization_of(4)).as_str().unwrap().to_owned();

    let (code, report) = told(&world, &SWEEP);
    let finding = |category: &str, keys: &[&str], repaired: usize| json!({"category": category, "rows": keys.len(), "repaired": repaired, "keys": keys});
    assert_eq!(code, Some(50));
    assert_eq!(
        report["findings"],
        json!([
            finding("orphan", &[&orphan], 0),
            finding("double", &[&double], 0),
            finding("missing", &[&missing], 0),
            finding("unstored", &[&unstored], 0),
            finding("differing", &[&differing], 0),
            finding("foreign", &[&foreign, &of_another], 0),
        ])
    );
    assert_eq!((&report["at_clerk"], &report["organizations"]), (&json!(44), &json!(41)));
    assert_eq!(report["next_steps"], json!(["backfill run clerk-organizations --sweep --execute"]));

    // Young ones may be under way.
    let (code, report) = told(&world, &["run", "clerk-organizations", "--sweep", "--execute"]);
    assert_eq!((code, &report["findings"][0]), (Some(50), &finding("orphan", &[&orphan], 0)));
    assert_eq!(report["findings"][2]["repaired"], 1);
    let (code, report) = told(&world, &MEND);
    assert_eq!((code, &report["findings"][0]), (Some(0), &finding("orphan", &[&orphan], 1)));
    assert_eq!(told(&world, &RUN).0, Some(0));
    let (code, report) = told(&world, &SWEEP);
    assert_eq!(code, Some(0));
    assert_eq!(report["findings"], json!([finding("foreign", &[&foreign, &of_another], 0)]));
    for id in [&foreign, &of_another] {
        let id = ClerkOrganizationId::parse(id).unwrap();
        world.provisioner.directory.remove(&id).await.unwrap();
    }
    world.assert_provided();
}

#[actix_web::test]
async fn a_sweep_leaves_a_double_with_several_members_to_people() {
    let world = world();
    assert_eq!(told(&world, &RUN).0, Some(0));
    let source = world.database.row("SELECT source FROM clerk_switch")["source"].clone();
    let private = json!({"ref": world.organization_of(1), "source": source});
    let double = ClerkOrganizationId::parse(&planted(&world, "Double", &private).await).unwrap();
    let second = winserve_domain::identity::ClerkUserId::parse("user_2").unwrap();
    world.provisioner.directory.add_member(&double, &second, "org:admin").await.unwrap();
    let (code, report) = told(&world, &MEND);
    assert_eq!((code, &report["findings"][0]["repaired"]), (Some(50), &json!(0)));
}
