//! `run clerk-organizations --sweep`, with the real binary: compares everything in Clerk with what should be there.

use std::time::SystemTime;

use serde_json::{Value, json};
use winserve_domain::clerk::{ClerkOrganizationId, ClerkUserId};
use winserve_emulators::{Action, Person};

use super::{
    clerk_budget::SETTINGS,
    clerk_commands::{RUN, SWEEP, ended, run_json, started, world},
    clerk_organizations::{World, requests},
};
use crate::{
    binaries::{Running, wait_until},
    fixtures::MAYOR,
};

pub(crate) const SWEEP_AND_FIX: [&str; 6] =
    ["run", "clerk-organizations", "--sweep", "--execute", "--grace", "0"];

/// An organization in Clerk that we did not create, with this private metadata.
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
async fn a_sweep_finds_differences_and_fixes_them_only_when_asked() {
    let world = world();
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    let source = world.database.row("SELECT source FROM clerk_switch")["source"].clone();
    let unknown = "0193f6a4-0000-7000-8000-00000000000a";
    let orphan = planted(&world, "Orphan", &json!({"ref": unknown, "source": source})).await;
    let double =
        planted(&world, "Double", &json!({"ref": world.organization_of(1), "source": source}))
            .await;
    let foreign = planted(&world, "Foreign", &json!({})).await;
    // A copy of a database has organizations with the same ids.
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

    let (code, report) = run_json(&world, &SWEEP);
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

    // Recent ones may still be in progress.
    let (code, report) = run_json(&world, &["run", "clerk-organizations", "--sweep", "--execute"]);
    assert_eq!((code, &report["findings"][0]), (Some(50), &finding("orphan", &[&orphan], 0)));
    assert_eq!(report["findings"][2]["repaired"], 1);
    let (code, report) = run_json(&world, &SWEEP_AND_FIX);
    assert_eq!((code, &report["findings"][0]), (Some(0), &finding("orphan", &[&orphan], 1)));
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    let (code, report) = run_json(&world, &SWEEP);
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
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    let source = world.database.row("SELECT source FROM clerk_switch")["source"].clone();
    let private = json!({"ref": world.organization_of(1), "source": source});
    let double = ClerkOrganizationId::parse(&planted(&world, "Double", &private).await).unwrap();
    let second = ClerkUserId::parse("user_2").unwrap();
    world.provisioner.directory.add_member(&double, &second, "org:admin").await.unwrap();
    let (code, report) = run_json(&world, &SWEEP_AND_FIX);
    assert_eq!((code, &report["findings"][0]["repaired"]), (Some(50), &json!(0)));
}

#[actix_web::test]
async fn a_double_of_one_that_clerk_has_no_more_takes_its_place() {
    let world = world();
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    let organization = world.organization_of(1);
    let source = world.database.row("SELECT source FROM clerk_switch")["source"].clone();
    let double = planted(&world, "Double", &json!({"ref": organization, "source": source})).await;
    assert!(world.clerk.delete_organization(world.stored(&organization).as_str().unwrap()));
    let (code, report) = run_json(&world, &SWEEP_AND_FIX);
    let found: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|it| &it["category"]).collect();
    assert_eq!((code, found), (Some(0), vec![&json!("missing"), &json!("unstored")]), "{report}");
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    assert_eq!(world.only(&organization).id, double);
    assert_eq!(world.stored(&organization), double);
    assert_eq!(run_json(&world, &SWEEP).0, Some(0));
}

/// The list is ten seconds old: meanwhile a user has joined one organization, and another one was
/// deleted.
#[actix_web::test]
async fn a_sweep_does_not_believe_a_list_that_lags() {
    let world = world();
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    let source = world.database.row("SELECT source FROM clerk_switch")["source"].clone();
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    world.clerk.set_clock(now - 60_000);
    let of = |campaign| json!({"ref": world.organization_of(campaign), "source": source});
    let joined = planted(&world, "Joined", &of(1)).await;
    let gone = planted(&world, "Gone", &of(2)).await;
    world.clerk.set_clock(now - 40_000);
    let joined = ClerkOrganizationId::parse(&joined).unwrap();
    let second = ClerkUserId::parse("user_2").unwrap();
    world.provisioner.directory.add_member(&joined, &second, "org:admin").await.unwrap();
    assert!(world.clerk.delete_organization(&gone));
    let missing = world.stored(&world.organization_of(3)).as_str().unwrap().to_owned();
    assert!(world.clerk.delete_organization(&missing));
    world.clerk.fail("/v1/organizations", Action::StaleList { ms: 10_000 });
    let removals = world.clerk.count_of("DELETE", "/v1/*");
    let (code, report) = run_json(&world, &SWEEP_AND_FIX);
    let doubles =
        json!([{"category": "double", "rows": 2, "repaired": 1, "keys": [joined.as_str(), gone]}]);
    assert_eq!((code, &report["findings"]), (Some(50), &doubles), "{report}");
    assert_eq!(world.clerk.count_of("DELETE", "/v1/*"), removals);
}

/// While a sweep waits for its next request, a worker adopts the duplicate.
#[actix_web::test]
async fn a_sweep_does_not_delete_what_is_stored_by_then() {
    let world = world();
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    let organization = world.organization_of(1);
    let kept = world.stored(&organization).as_str().unwrap().to_owned();
    let source = world.database.row("SELECT source FROM clerk_switch")["source"].clone();
    let double = planted(&world, "Double", &json!({"ref": organization, "source": source})).await;
    // The check right before the deletion is slow.
    let path = format!("/v1/organizations/{kept}");
    world.clerk.fail_once(&path, Action::Delay { ms: 2_000 });
    let running = started(&world, &SWEEP_AND_FIX);
    wait_until("it begins", || world.clerk.hits() > 0);
    let budget = |until: &str| {
        world.database.execute(&format!("UPDATE clerk_budget SET paused_until = {until}"));
    };
    budget("now() + interval '1 h'");
    wait_until("it was answered", || world.clerk.count_of("GET", &path) > 0);
    world.database.execute(&format!(
        "UPDATE organization SET clerk_organization_id = '{double}' WHERE clerk_organization_id = '{kept}'"
    ));
    budget("'-infinity'");
    let (code, report) = ended(running, &SWEEP_AND_FIX);
    assert_eq!((code, &report["findings"][0]["repaired"]), (Some(50), &json!(0)), "{report}");
    assert!(world.clerk.organizations().iter().any(|it| it.id == double));
    assert_eq!(world.database.rows("SELECT FROM clerk_outbox").len(), 0, "nothing is held");
}

#[test]
fn a_sweep_waits_neither_forever_nor_through_a_pause_of_clerk() {
    let world = world();
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    world.clerk.fail("/v1/organizations", Action::RateLimit { retry_after: 1 });
    let (code, report) = run_json(&world, &[&SWEEP[..], &["--patience", "1"]].concat());
    assert_eq!(code, Some(30), "{report}");
    world.clerk.heal();
    world.make_all_due();
    world.clerk.fail_once(SETTINGS, Action::Delay { ms: 2_000 });
    let running = started(&world, &SWEEP);
    wait_until("it begins", || world.clerk.hits() > 0);
    world.database.execute("UPDATE clerk_budget SET paused_until = now() + interval '1 h'");
    run_json(&world, &["phase", "back", "phase-1b"]);
    let (code, report) = ended(running, &SWEEP);
    assert_eq!(code, Some(21), "{report}");
    assert_eq!(report["next_steps"], json!(["backfill phase advance phase-1b"]));
}

/// There is no budget even for the first request.
#[test]
fn a_run_and_a_sweep_leave_a_clerk_alone_until_patience_a_signal_or_the_switch_ends_them() {
    let world = world();
    let waiting = || {
        let query = "SELECT FROM pg_stat_activity WHERE datname = current_database()
            AND application_name LIKE 'winserve-backfill%' AND query LIKE '%clerk_budget%'";
        world.database.rows(query).len()
    };
    world.database.execute("UPDATE clerk_budget SET paused_until = now() + interval '1 h'");
    for arguments in [&RUN[..], &SWEEP] {
        let (code, report) = run_json(&world, &[arguments, &["--patience", "1"]].concat());
        assert_eq!(code, Some(30), "{report}");
        wait_until("it is gone", || waiting() == 0);
        let running = started(&world, arguments);
        wait_until("it waits", || waiting() > 0);
        assert_eq!(Running(running).terminate(), Some(22));
        wait_until("it is gone", || waiting() == 0);
        let running = started(&world, arguments);
        wait_until("it waits", || waiting() > 0);
        run_json(&world, &["phase", "back", "phase-1b"]);
        let (code, report) = ended(running, arguments);
        assert_eq!(code, Some(21), "{report}");
        assert_eq!(report["next_steps"], json!(["backfill phase advance phase-1b"]));
        run_json(&world, &["phase", "advance", "phase-1b"]);
    }
    assert_eq!(requests(&world.clerk, "*"), 0);
}

/// The webhook about their deletion in Clerk was lost.
#[test]
fn an_organization_whose_owner_is_no_member_any_more_gets_them_back() {
    let world = world();
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    world.clerk.set_clock(now - 60_000);
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    world.clerk.set_clock(now - 55_000);
    assert!(world.clerk.delete_user("user_5"));
    let found = |report: &Value| {
        let findings = report["findings"].as_array().unwrap().iter();
        let found = findings.map(|it| {
            let number = |member: &str| it[member].as_u64().unwrap();
            (it["category"].as_str().unwrap().to_owned(), number("rows"), number("repaired"))
        });
        found.collect::<Vec<_>>()
    };
    let memberless = |repaired: u64| vec![("memberless".to_owned(), 4, repaired)];
    for _ in 0..2 {
        let (code, report) = run_json(&world, &SWEEP);
        assert_eq!((code, found(&report)), (Some(50), memberless(0)), "{report}");
        let (code, report) = run_json(&world, &SWEEP_AND_FIX);
        assert_eq!((code, found(&report)), (Some(0), memberless(4)), "{report}");
        // A user who is not in Clerk cannot be added.
        assert_eq!(run_json(&world, &RUN).0, Some(0));
    }
    world.clerk.set_clock(now - 40_000);
    world.clerk.add(Person::verified("user_5", "user5@example.org"));
    assert_eq!(run_json(&world, &SWEEP_AND_FIX).0, Some(0));
    assert_eq!(run_json(&world, &RUN).0, Some(0));
    world.assert_provided();
    let (code, report) = run_json(&world, &SWEEP);
    assert_eq!((code, found(&report)), (Some(0), vec![]), "{report}");
    // The list is older than the member.
    world.clerk.fail("/v1/organizations", Action::StaleList { ms: 10_000 });
    let (code, report) = run_json(&world, &SWEEP);
    assert_eq!((code, found(&report)), (Some(0), vec![]), "{report}");
    assert!(world.clerk.hits() > 0);
}
