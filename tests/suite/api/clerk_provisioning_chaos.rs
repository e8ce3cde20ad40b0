//! Three processes sync organizations to Clerk while calls fail, webhooks are lost, duplicated and reordered,
//! organizations come and go, and processes are killed. In the end each organization has exactly one in Clerk, and
//! Clerk has no others.

use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::Value;
use winserve_emulators::{
    Action, Delivery, DeliveryOrder, InstanceSettings, Match, Person, RateLimits, Rule,
    WebhookEndpoint,
};
use winserve_testkit::Phase;
use winserve_testkit::{TestDatabase, http_client};

use super::{
    clerk_commands::{RUN, SWEEP, run_json},
    clerk_organizations::World,
    clerk_provisioning_processes::provider,
    clerk_sweep::SWEEP_AND_FIX,
};
use crate::binaries::{Running, free_port};

/// The setup and its faults.
struct Trial {
    organizations: i32,
    kills: usize,
    has_slugs: bool,
}

/// Applies an action to this fraction of the requests with this method, or any, and path.
fn sometimes(method: Option<&str>, path: &str, probability: f64, action: Action) -> Rule {
    let matches = Match {
        method: method.map(str::to_owned),
        path_glob: Some(path.to_owned()),
        probability: Some(probability),
        ..Match::default()
    };
    Rule::always(matches, action)
}

/// Every fault that a call can have, each for some calls.
fn spoil(world: &World) {
    let status = |status, code: &str| Action::Status { status, code: code.to_owned() };
    for (part, action) in [
        (0.03, Action::CommitThenDrop),
        (0.03, Action::CommitThenStatus { status: 502 }),
        (0.02, Action::TruncateBody),
        (0.02, Action::BadJson),
        (0.02, Action::CommitThenDelay { ms: 300 }),
    ] {
        world.clerk.plan(sometimes(Some("POST"), "/v1/organizations", part, action.clone()));
        // These calls are rare: an attempt makes up to five, and needs one to succeed.
        world.clerk.plan(sometimes(None, "/v1/organizations/*", 1.5 * part, action));
    }
    for (part, action) in [
        (0.02, Action::ResetBeforeCommit),
        (0.02, status(500, "internal_clerk_error")),
        (0.02, status(409, "resource_locked")),
        (0.02, Action::HtmlError { status: 503 }),
        (0.005, Action::RateLimit { retry_after: 1 }),
        (0.05, Action::Delay { ms: 50 }),
    ] {
        world.clerk.plan(sometimes(Some("POST"), "/v1/organizations", part, action.clone()));
        world.clerk.plan(sometimes(Some("GET"), "/v1/organizations", part, action));
    }
    // Longer than a call's timeout, so each costs a worker ten seconds.
    for action in [Action::Hang, Action::CommitThenDelay { ms: 12_000 }] {
        let some = sometimes(Some("POST"), "/v1/organizations", 0.05, action);
        world.clerk.plan(Rule { times: Some(3), ..some });
    }
    let stale = Action::StaleList { ms: 700 };
    world.clerk.plan(sometimes(Some("GET"), "/v1/organizations", 0.1, stale));
}

/// A database and a Clerk for the test; every seventh owner is not in Clerk.
fn world(trial: &Trial) -> World {
    let world = World::on(TestDatabase::with_clerk_outbox(Phase::One));
    world
        .clerk
        .set(InstanceSettings { slug_disabled: !trial.has_slugs, ..InstanceSettings::default() });
    let organizations = trial.organizations;
    world.database.execute_unmapped(&format!(
        "INSERT INTO \"user\" (updated_at, email, roles, clerk_id)
             SELECT now(), 'u' || id || '@example.org', '{{candidate}}', CASE WHEN id % 7 > 0 THEN 'user_' || id END
             FROM generate_series(1, {organizations} / 5) AS id;
         INSERT INTO campaign (id, updated_at, slug, user_id, details)
             SELECT id, now(), 'c' || id, 1 + id % ({organizations} / 5), '{{\"electionDate\": \"2028-11-07\"}}'
             FROM generate_series(1, {organizations}) AS id"
    ));
    world.database.execute_unmapped("UPDATE clerk_outbox SET created_at = now()");
    for row in world.database.rows("SELECT clerk_id FROM \"user\" WHERE clerk_id IS NOT NULL") {
        world.clerk.add(Person::verified(row["clerk_id"].as_str().unwrap(), "a@example.org"));
    }
    world.clerk.limit(RateLimits { instance: Some(20_000), ..RateLimits::development() });
    spoil(&world);
    world
}

/// Webhooks arrive twice and in random order; the next few are lost.
fn disturb_messages(world: &World) {
    world.clerk.deliver(Delivery {
        order: DeliveryOrder::Shuffled,
        copies: 2,
        lose: 10,
        retries_ms: vec![100, 1_000, 3_000],
        ..Delivery::default()
    });
}

/// The processes. The first one has a fixed address, so that Clerk can send it webhooks.
struct Processes<'w> {
    world: &'w World,
    binds: [String; 3],
    running: Vec<Running>,
    chance: Rng,
}

impl<'w> Processes<'w> {
    fn start(world: &'w World) -> Self {
        let any = "127.0.0.1:0".to_owned();
        let binds = [format!("127.0.0.1:{}", free_port()), any.clone(), any];
        let url = format!("http://{}/v1/webhooks/clerk", binds[0]);
        let types = ["created", "updated", "deleted"].map(|it| format!("organization.{it}"));
        let endpoint = WebhookEndpoint {
            types: types.to_vec(),
            ..WebhookEndpoint::new(&url, winserve_testkit::WEBHOOK_SECRETS[0])
        };
        world.clerk.send_webhooks(&endpoint).unwrap();
        disturb_messages(world);
        let running = binds.iter().map(|bind| provider(world, bind)).collect();
        Self { world, binds, running, chance: Rng::with_seed(7) }
    }

    fn kill_one(&mut self) {
        let victim = self.chance.usize(..self.running.len());
        assert!(self.running[victim].kill(), "it had ended by itself");
        self.running[victim] = provider(self.world, &self.binds[victim]);
    }

    async fn pause(&mut self) {
        let pause = Duration::from_millis(self.chance.u64(150..850));
        actix_web::rt::time::sleep(pause).await;
        self.world.shorten_waits();
    }
}

/// Deletes some organizations that may be in Clerk but not visible yet; returns how many.
fn delete_some_under_way(world: &World) -> usize {
    let under_way = world.database.rows(
        "SELECT campaign.id FROM campaign JOIN clerk_outbox USING (organization_id)
         WHERE creating_since IS NOT NULL ORDER BY next_attempt_at DESC LIMIT 3",
    );
    for row in &under_way {
        world.database.execute_unmapped(&format!("DELETE FROM campaign WHERE id = {}", row["id"]));
    }
    under_way.len()
}

/// Deletes one in Clerk's dashboard, which only a webhook reports; returns how many were deleted.
fn delete_one_at_clerk(world: &World) -> usize {
    let stored = world.database.rows(
        "SELECT clerk_organization_id AS id FROM organization
         WHERE clerk_organization_id IS NOT NULL ORDER BY updated_at DESC LIMIT 1",
    );
    let gone = |row: &Value| world.clerk.delete_organization(row["id"].as_str().unwrap());
    usize::from(stored.first().is_some_and(gone))
}

async fn assert_every_fault_happened(world: &World) {
    let faults = format!("{}/_emu/faults", world.clerk.url());
    let faults: Value = http_client().get(faults).send().await.unwrap().json().await.unwrap();
    for rule in faults.as_array().unwrap() {
        let is_rare = rule["seen"].as_u64() < Some(200);
        assert!(is_rare || rule["hits"].as_u64() > Some(0), "it never happened: {rule}");
    }
}

fn rows_of(report: &Value, category: &str) -> usize {
    let findings = report["findings"].as_array().unwrap();
    let of_category = findings.iter().find(|it| it["category"] == category);
    of_category.map_or(0, |it| usize::try_from(it["rows"].as_u64().unwrap()).unwrap())
}

async fn leaves_one_organization_each(trial: Trial) {
    let world = world(&trial);
    let mut processes = Processes::start(&world);
    let (mut killed, mut deleted, mut deleted_at_clerk) = (0, 0, 0);
    let seconds = 40 + u64::from(trial.organizations.unsigned_abs()) / 5;
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while world.pending() > 0 {
        let rows = "SELECT last_failure, attempts, count(*) FROM clerk_outbox GROUP BY 1, 2";
        assert!(Instant::now() < deadline, "{:?}", world.database.rows(rows));
        processes.pause().await;
        if killed < trial.kills {
            processes.kill_one();
            killed += 1;
            deleted += delete_some_under_way(&world);
            deleted_at_clerk += delete_one_at_clerk(&world);
            disturb_messages(&world);
        }
    }
    assert_eq!(killed, trial.kills, "the data are too few");
    assert!(deleted > 0 && deleted_at_clerk > 0, "{deleted} {deleted_at_clerk}");
    assert_every_fault_happened(&world).await;
    world.clerk.heal();
    // Webhooks still in flight count too.
    world.clerk.webhooks_delivered().await;
    while world.pending() > 0 {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            world.database.rows("SELECT * FROM clerk_outbox")
        );
        processes.pause().await;
    }
    for process in processes.running {
        assert_eq!(process.terminate(), Some(0));
    }
    let dead = world.database.rows("SELECT dead_reason FROM clerk_outbox");
    assert_eq!(dead, Vec::<Value>::new());

    // The sweep may only find what a lost webhook reported.
    let (_, report) = run_json(&world, &SWEEP);
    for category in ["orphan", "double", "unstored", "differing", "foreign"] {
        assert_eq!(rows_of(&report, category), 0, "{report}");
    }
    assert!(rows_of(&report, "missing") <= deleted_at_clerk, "{report}");
    let (code, report) = run_json(&world, &SWEEP_AND_FIX);
    assert_eq!(code, Some(0), "{report}");
    let (code, report) = run_json(&world, &RUN);
    assert_eq!(code, Some(0), "{report}");
    world.assert_provided();
    let left = world.database.rows("SELECT FROM organization").len();
    assert_eq!(left, usize::try_from(trial.organizations).unwrap() - deleted);
}

#[actix_web::test]
async fn three_processes_under_faults_and_kills_leave_one_organization_each() {
    leaves_one_organization_each(Trial { organizations: 250, kills: 5, has_slugs: false }).await;
}

#[actix_web::test]
async fn three_processes_under_faults_and_kills_leave_one_organization_each_with_slugs() {
    leaves_one_organization_each(Trial { organizations: 250, kills: 5, has_slugs: true }).await;
}

#[actix_web::test]
#[ignore = "make chaos"]
async fn chaos_three_processes_under_faults_and_kills_leave_one_organization_each() {
    for has_slugs in [false, true] {
        let trial = Trial { organizations: 10_000, kills: 60, has_slugs };
        leaves_one_organization_each(trial).await;
    }
}
