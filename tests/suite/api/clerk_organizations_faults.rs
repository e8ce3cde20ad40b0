//! Whatever happens to a call to Clerk, each organization ends up with exactly one in Clerk.

use std::time::Duration;

use actix_web::rt::{spawn, task::JoinHandle};
use serde_json::{Value, json};
use winserve_domain::clerk::{DirectorySettings, Provisioner, ProvisioningLimits, WorkOutcome};
use winserve_emulators::{Action, InstanceSettings};

use super::clerk_organizations::{LIMITS, World, client_options, provisioner};
use crate::{
    binaries::eventually,
    fixtures::{COUNCIL, MAYOR},
};

fn with_slugs(slugs: bool) -> InstanceSettings {
    InstanceSettings { slug_disabled: !slugs, ..InstanceSettings::default() }
}

fn status(status: u16, code: &str) -> Action {
    Action::Status { status, code: code.to_owned() }
}

/// Processes one row in the background.
fn turn_under_way(
    provisioner: &Provisioner,
    settings: &DirectorySettings,
) -> JoinHandle<WorkOutcome> {
    let (provisioner, settings) = (provisioner.clone(), settings.clone());
    spawn(async move { provisioner.process_next(&settings).await.unwrap() })
}

#[actix_web::test]
async fn a_creation_without_an_answer_is_looked_for_before_it_is_sent_again() {
    let lost = [
        Action::CommitThenDrop,
        Action::CommitThenStatus { status: 502 },
        Action::ResetBeforeCommit,
        Action::Hang,
        Action::TruncateBody,
        Action::BadJson,
        Action::HtmlError { status: 503 },
        status(500, "internal_clerk_error"),
    ];
    for slugs in [false, true] {
        for knows_owner in [false, true] {
            let world = World::new();
            world.clerk.set(with_slugs(slugs));
            world.user(7);
            if !knows_owner {
                world.database.execute("UPDATE \"user\" SET clerk_id = NULL");
            }
            for (id, action) in (1..).zip(&lost) {
                world.campaign(id, 7);
                let organization = world.organization_of(id);
                let settings = world.provisioner.settings().await.unwrap().unwrap();
                // Only the creation: the search before it has the same path if slugs are off.
                world.fail_next("POST", "/v1/organizations", action.clone());
                let turn = world.provisioner.process_next(&settings).await.unwrap();
                assert!(
                    matches!(turn, WorkOutcome::Failed { is_dead: false, .. }),
                    "{turn:?} {action:?}"
                );
                let row = world.database.row("SELECT attempts, last_failure, creating_since IS NOT NULL AS sent FROM clerk_outbox");
                assert_eq!(
                    row,
                    json!({"attempts": 1, "last_failure": "no-answer", "sent": true}),
                    "{action:?}"
                );
                world.drain().await;
                world.only(&organization);
            }
            world.assert_provided();
        }
    }
}

#[actix_web::test]
async fn every_other_call_without_an_answer_is_made_again() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.drain().await;
    world.database.execute("SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization))");
    for path in ["/v1/organizations/*/metadata", "/v1/organizations/*/memberships"] {
        for action in [Action::CommitThenDrop, Action::Hang, status(500, "internal_clerk_error")] {
            world.clerk.fail(path, action);
            let settings = world.provisioner.settings().await.unwrap().unwrap();
            let turn = world.provisioner.process_next(&settings).await.unwrap();
            assert!(matches!(turn, WorkOutcome::Failed { is_dead: false, .. }), "{turn:?}");
            world.clerk.heal();
            world.make_all_due();
        }
    }
    world.drain().await;
    world.assert_provided();
    world.database.execute("DELETE FROM campaign");
    world.clerk.fail("/v1/organizations/*", Action::CommitThenDrop);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.provisioner.process_next(&settings).await.unwrap();
    world.clerk.heal();
    world.drain().await;
    assert!(world.clerk.organizations().is_empty());
}

#[actix_web::test]
async fn one_whose_creation_was_sent_and_that_is_deleted_meanwhile_goes_at_clerk_too() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.fail_next("POST", "/v1/organizations", Action::CommitThenDrop);
    world.provisioner.process_next(&settings).await.unwrap();
    assert_eq!(world.clerk.organizations().len(), 1);
    world.database.execute("DELETE FROM campaign");
    world.drain().await;
    assert!(world.clerk.organizations().is_empty());
    assert!(world.database.rows("SELECT FROM clerk_outbox").is_empty());
}

#[actix_web::test]
async fn one_that_is_deleted_during_its_creation_is_deleted_in_clerk_too() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.fail_next("POST", "/v1/organizations", Action::Delay { ms: 300 });
    let under_way = turn_under_way(&world.provisioner, &settings);
    let sent = "SELECT FROM clerk_outbox WHERE creating_since IS NOT NULL";
    eventually("it is sent", || !world.database.rows(sent).is_empty()).await;
    world.database.execute("DELETE FROM campaign");
    under_way.await.unwrap();
    world.drain().await;
    assert!(world.clerk.organizations().is_empty());
}

/// The first worker's lease expires during its create call. The second worker finds nothing yet, and finishes
/// first.
#[actix_web::test]
async fn of_two_creations_the_later_one_is_taken_back() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let limits = ProvisioningLimits { lease: Duration::from_millis(50), ..LIMITS };
    let slow = provisioner(&world.database, &world.clerk, limits);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.fail_next("POST", "/v1/organizations", Action::Delay { ms: 400 });
    let under_way = turn_under_way(&slow, &settings);
    let expired =
        "SELECT FROM clerk_outbox WHERE creating_since IS NOT NULL AND lease_until < now()";
    eventually("the lease ends", || !world.database.rows(expired).is_empty()).await;
    assert!(matches!(
        world.provisioner.process_next(&settings).await.unwrap(),
        WorkOutcome::Synced(_)
    ));
    under_way.await.unwrap();
    world.drain().await;
    assert_eq!(world.clerk.count_of("POST", "/v1/organizations"), 2);
    world.assert_provided();
}

/// The first worker stalls, and sends old data after the second one sent newer data.
#[actix_web::test]
async fn data_sent_after_a_lease_has_expired_is_sent_again_as_it_is_then() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.drain().await;
    world.database.expect_damage();
    let limits = ProvisioningLimits { lease: Duration::from_millis(50), ..LIMITS };
    let slow = provisioner(&world.database, &world.clerk, limits);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.database.execute(&format!(
        "INSERT INTO ballot_position (id, source) VALUES ('{MAYOR}', 'ballot_ready'), ('{COUNCIL}', 'ballot_ready');
         UPDATE campaign SET position_id = '{MAYOR}'"
    ));
    world.fail_next("PATCH", "/v1/organizations/*/metadata", Action::Delay { ms: 400 });
    let under_way = turn_under_way(&slow, &settings);
    let expired = "SELECT FROM clerk_outbox WHERE lease_until < now()";
    eventually("the lease ends", || !world.database.rows(expired).is_empty()).await;
    world.database.execute(&format!("UPDATE campaign SET position_id = '{COUNCIL}'"));
    assert!(matches!(
        world.provisioner.process_next(&settings).await.unwrap(),
        WorkOutcome::Synced(_)
    ));
    under_way.await.unwrap();
    let shown = &world.clerk.organizations()[0].public_metadata["positionId"];
    assert_eq!(shown, MAYOR, "the older message came last");
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn what_clerk_will_never_take_is_given_up_with_its_code_until_it_changes() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.clerk.fail("/v1/organizations", status(422, "form_param_value_invalid"));
    let turns = world.drain().await;
    assert!(matches!(&turns[..], [WorkOutcome::Failed { is_dead: true, .. }]), "{turns:?}");
    let row = "SELECT dead_reason, lease_token FROM clerk_outbox";
    let dead = json!({"dead_reason": "refused:form_param_value_invalid", "lease_token": null});
    assert_eq!(world.database.row(row), dead);
    world.clerk.heal();
    world.drain().await;
    assert!(world.clerk.organizations().is_empty(), "it stays a dead letter");
    world.database.execute("SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization))");
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn after_so_many_attempts_without_an_answer_it_is_given_up() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.clerk.fail("/v1/organizations", status(503, "service_unavailable"));
    let turns = world.drain().await;
    assert_eq!(turns.len(), usize::try_from(LIMITS.max_attempts).unwrap());
    let row = world.database.row("SELECT attempts, dead_reason FROM clerk_outbox");
    assert_eq!(row, json!({"attempts": LIMITS.max_attempts, "dead_reason": "no-answer"}));
}

#[actix_web::test]
async fn while_clerk_cannot_be_reached_nothing_is_given_up() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut options = client_options(&world.clerk);
    options.api_url = format!("http://{closed}/v1");
    let mut away = world.provisioner.clone();
    away.directory = std::sync::Arc::new(winserve_clerk::ClerkClient::new(&options).unwrap());
    for _ in 0..=LIMITS.max_attempts {
        away.process_next(&settings).await.unwrap();
        world.make_all_due();
    }
    let row = world.database.row("SELECT attempts, last_failure, creating_since FROM clerk_outbox");
    assert_eq!(row, json!({"attempts": 0, "last_failure": "not-reached", "creating_since": null}));
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn waits_double_and_are_spread() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.clerk.fail("/v1/organizations", status(503, "service_unavailable"));
    let wait =
        "SELECT extract(epoch FROM next_attempt_at - now())::float8 AS wait FROM clerk_outbox";
    let mut waits = Vec::new();
    for jitter in [0.0, 1.0, 0.0, 1.0] {
        let mut provisioner = world.provisioner.clone();
        provisioner.jitter = std::sync::Arc::new(move || jitter);
        provisioner.process_next(&settings).await.unwrap();
        waits.push(world.database.row(wait)["wait"].as_f64().unwrap());
        world.make_all_due();
    }
    for (wait, expected) in waits.iter().zip([0.5, 2.0, 2.0, 8.0]) {
        // The clocks of two PostgreSQL processes may differ by a fraction of a millisecond.
        assert!((expected - 0.5..=expected + 0.1).contains(wait), "{waits:?}");
    }
}

#[actix_web::test]
async fn what_an_earlier_database_left_is_adopted_and_not_made_again() {
    for slugs in [false, true] {
        let world = World::new();
        world.clerk.set(with_slugs(slugs));
        world.user(7);
        world.campaign(11, 7);
        world.drain().await;
        // As after restoring an old backup: no record of any request.
        world.database.execute(
            "UPDATE organization SET clerk_organization_id = NULL;
             SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization))",
        );
        world.drain().await;
        world.assert_provided();
        assert_eq!(world.clerk.count_of("POST", "/v1/organizations"), 1);
    }
}

#[actix_web::test]
async fn a_slug_that_somebody_else_has_is_no_reason_to_take_theirs() {
    let world = World::new();
    world.clerk.set(with_slugs(true));
    world.user(7);
    world.campaign(11, 7);
    let organization = world.organization_of(11);
    let body =
        json!({"name": "Theirs", "slug": format!("campaign-{}", organization.as_str().unwrap())});
    let answer = winserve_testkit::http_client()
        .post(format!("{}/organizations", world.clerk.api_url()))
        .bearer_auth(world.clerk.secret_key())
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    world.drain().await;
    let row = world.database.row("SELECT dead_reason FROM clerk_outbox");
    assert_eq!(row["dead_reason"], "slug-taken");
    assert_eq!(world.stored(&organization), Value::Null);
}

#[actix_web::test]
async fn one_that_says_it_is_another_than_our_tables_say_is_not_taken() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.drain().await;
    let known = world.clerk.organizations()[0].id.clone();
    world.campaign(12, 7);
    let private = json!({"private_metadata": {"ref": world.organization_of(12)}});
    let answer = winserve_testkit::http_client()
        .patch(format!("{}/organizations/{known}/metadata", world.clerk.api_url()))
        .bearer_auth(world.clerk.secret_key())
        .json(&private)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    world.drain().await;
    let row = world.database.row("SELECT dead_reason FROM clerk_outbox");
    assert_eq!(row["dead_reason"], "clerk-organization-taken");
    assert_eq!(world.stored(&world.organization_of(11)), known);
    // After another sync it is correct, and the other organization gets its own.
    world
        .database
        .execute("SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization ORDER BY id))");
    world.database.execute(&format!(
        "UPDATE clerk_outbox SET is_backfill = organization_id <> '{}'",
        world.organization_of(11).as_str().unwrap()
    ));
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn one_without_an_owner_at_clerk_gets_its_name_however_often_that_fails() {
    let world = World::new();
    crate::fixtures::user(&world.database, 7, "candidate");
    world.campaign(11, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.clerk.fail("/v1/organizations/*", status(500, "internal_clerk_error"));
    let turn = world.provisioner.process_next(&settings).await.unwrap();
    assert!(matches!(turn, WorkOutcome::Failed { is_dead: false, .. }), "{turn:?}");
    assert_eq!(world.only(&world.organization_of(11)).name, world.organization_of(11));
    world.clerk.heal();
    world.drain().await;
    world.assert_provided();
    assert_eq!(world.clerk.organizations()[0].name, "2028 Campaign");
}

#[actix_web::test]
async fn what_a_message_of_clerks_named_is_adopted() {
    let world = World::new();
    crate::fixtures::user(&world.database, 7, "candidate");
    world.campaign(11, 7);
    world.drain().await;
    // As after restoring an old backup, for an organization that no other search finds.
    let id = world.clerk.organizations()[0].id.clone();
    world.database.execute(&format!(
        "UPDATE organization SET clerk_organization_id = NULL;
         SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization));
         UPDATE clerk_outbox SET clerk_organization_id = '{id}'"
    ));
    world.drain().await;
    world.assert_provided();
    assert_eq!(world.clerk.count_of("POST", "/v1/organizations"), 1);
}

/// Changes something in Clerk from outside.
async fn at_clerk(world: &World, method: reqwest::Method, path: &str, body: &Value) {
    let answer = winserve_testkit::http_client()
        .request(method, format!("{}{path}", world.clerk.api_url()))
        .bearer_auth(world.clerk.secret_key())
        .json(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
}

async fn delete_at_clerk(world: &World, id: &str) {
    at_clerk(world, reqwest::Method::DELETE, &format!("/organizations/{id}"), &json!({})).await;
}

#[actix_web::test]
async fn one_that_was_deleted_at_clerk_is_not_adopted_from_a_list_that_still_shows_it() {
    for slugs in [false, true] {
        for knows_owner in [false, true] {
            let world = World::new();
            world.clerk.set(with_slugs(slugs));
            let start = 1_772_000_000_000;
            world.clerk.set_clock(start);
            world.user(7);
            world.campaign(11, 7);
            world.drain().await;
            if !knows_owner {
                world.database.execute("UPDATE \"user\" SET clerk_id = NULL");
            }
            let deleted = world.clerk.organizations()[0].id.clone();
            world.clerk.set_clock(start + 10_000);
            delete_at_clerk(&world, &deleted).await;
            world.clerk.set_clock(start + 20_000);
            world.clerk.fail("/v1/organizations", Action::StaleList { ms: 15_000 });
            // As after a lost answer, so that the worker searches everywhere.
            world.database.execute(
                "SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization));
                 UPDATE clerk_outbox SET creating_since = now(), creating_for = 'user_7'",
            );
            world.drain().await;
            assert_ne!(world.only(&world.organization_of(11)).id, deleted, "{slugs} {knows_owner}");
            world.assert_provided();
        }
    }
}

#[actix_web::test]
async fn one_that_is_deleted_at_clerk_before_its_owner_is_added_is_provided_again() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.drain().await;
    world.database.execute("SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization))");
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    let id = world.clerk.organizations()[0].id.clone();
    let other = json!({"public_metadata": {"type": "other"}});
    at_clerk(&world, reqwest::Method::PATCH, &format!("/organizations/{id}/metadata"), &other)
        .await;
    let metadata = "/v1/organizations/*/metadata";
    world.fail_next("PATCH", metadata, Action::CommitThenDelay { ms: 300 });
    let under_way = turn_under_way(&world.provisioner, &settings);
    eventually("Clerk has the new description", || {
        world.clerk.organizations()[0].public_metadata["type"] != "other"
    })
    .await;
    delete_at_clerk(&world, &id).await;
    let turn = under_way.await.unwrap();
    assert!(matches!(turn, WorkOutcome::Failed { is_dead: false, .. }), "{turn:?}");
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn an_error_page_is_no_word_of_clerks() {
    for status in [403, 404, 409, 422] {
        let world = World::new();
        world.user(7);
        world.campaign(11, 7);
        let settings = world.provisioner.settings().await.unwrap().unwrap();
        world.fail_next("POST", "/v1/organizations", Action::HtmlError { status });
        let turn = world.provisioner.process_next(&settings).await.unwrap();
        assert!(matches!(turn, WorkOutcome::Failed { is_dead: false, .. }), "{turn:?}");
        let row = world.database.row("SELECT attempts, last_failure FROM clerk_outbox");
        assert_eq!(row, json!({"attempts": 1, "last_failure": format!("unexplained:{status}")}));
        world.drain().await;
        let organization = world.organization_of(11);
        let stored = world.stored(&organization);
        // In particular, it does not mean that the organization does not exist.
        world.database.execute("SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization))");
        world.fail_next("PATCH", "/v1/organizations/*/metadata", Action::HtmlError { status });
        world.provisioner.process_next(&settings).await.unwrap();
        assert_eq!(world.stored(&organization), stored);
        world.drain().await;
        world.assert_provided();
    }
}

#[actix_web::test]
async fn one_of_another_database_with_the_same_id_is_left_alone_when_ours_is_deleted() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.fail_next("POST", "/v1/organizations", Action::CommitThenDrop);
    world.provisioner.process_next(&settings).await.unwrap();
    let id = world.clerk.organizations()[0].id.clone();
    let source = json!({"private_metadata": {"source": "0198a5c0-0000-7000-8000-000000000001"}});
    at_clerk(&world, reqwest::Method::PATCH, &format!("/organizations/{id}/metadata"), &source)
        .await;
    world.database.execute("DELETE FROM campaign");
    world.drain().await;
    assert_eq!(world.clerk.organizations()[0].id, id);
}

#[actix_web::test]
async fn what_says_that_it_is_of_another_is_not_deleted_by_its_id() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.campaign(12, 7);
    world.drain().await;
    let id = |campaign| world.stored(&world.organization_of(campaign)).as_str().unwrap().to_owned();
    let (of_copy, silent) = (id(11), id(12));
    for (id, says) in [
        (&of_copy, json!({"source": "0198a5c0-0000-7000-8000-000000000001"})),
        (&silent, json!({"ref": null, "source": null})),
    ] {
        let path = format!("/organizations/{id}/metadata");
        at_clerk(&world, reqwest::Method::PATCH, &path, &json!({"private_metadata": says})).await;
    }
    world.database.execute("DELETE FROM campaign");
    world.drain().await;
    let left: Vec<_> = world.clerk.organizations().into_iter().map(|it| it.id).collect();
    assert_eq!(left, [of_copy]);
}

#[actix_web::test]
async fn one_that_is_deleted_while_it_is_looked_for_is_free_for_the_next_worker() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.fail_next("POST", "/v1/organizations", Action::ResetBeforeCommit);
    world.provisioner.process_next(&settings).await.unwrap();
    world.make_all_due();
    let before = world.clerk.count_of("GET", "/v1/organizations");
    world.fail_next("GET", "/v1/organizations", Action::Delay { ms: 300 });
    let under_way = turn_under_way(&world.provisioner, &settings);
    let leased = "SELECT FROM clerk_outbox WHERE lease_token IS NOT NULL";
    eventually("a worker takes it", || !world.database.rows(leased).is_empty()).await;
    world.database.execute("DELETE FROM campaign");
    under_way.await.unwrap();
    assert!(world.clerk.count_of("GET", "/v1/organizations") > before);
    assert!(world.database.rows(leased).is_empty());
    world.drain().await;
    assert!(world.clerk.organizations().is_empty());
}

#[actix_web::test]
async fn a_rest_that_clerk_asks_for_does_not_hide_what_people_have_to_change() {
    let world = World::new();
    world.user(7);
    world.clerk.set(InstanceSettings { enabled: false, ..InstanceSettings::default() });
    assert!(matches!(world.provisioner.settings().await.unwrap(), Err(WorkOutcome::Halted(_))));
    world.clerk.fail("/v1/instance/organization_settings", Action::RateLimit { retry_after: 5 });
    assert!(matches!(world.provisioner.settings().await.unwrap(), Err(WorkOutcome::Paused(_))));
    let row = world.database.row("SELECT halted_by FROM clerk_budget");
    assert_eq!(row["halted_by"], "organizations-disabled");
}
