//! Processes sync organizations to Clerk; requests do not wait for them.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use winserve_emulators::{Action, ClerkEmulator, InstanceSettings, WebhookEndpoint};
use winserve_testkit::Phase;
use winserve_testkit::{TestDatabase, http_client};

use super::{
    clerk_commands::configured,
    clerk_organizations::{World, requests},
};
use crate::{
    binaries::{Running, api, eventually, free_port, token, wait_until_ready},
    fixtures,
};

/// Workers of a process, unless the test says otherwise.
const WORKERS: u32 = 4;

/// `api` with this Clerk; its workers do not wait long.
pub(crate) fn provider(world: &World, bind: &str) -> Running {
    provider_with(world, bind, WORKERS)
}

fn provider_with(world: &World, bind: &str, workers: u32) -> Running {
    let mut command = configured(api(&world.database, bind), &world.clerk);
    command
        .env("WINSERVE__CLERK__PROVISIONING__WORKERS", workers.to_string())
        .env("WINSERVE__CLERK__PROVISIONING__LEASE_SECONDS", "15")
        .env("WINSERVE__CLERK__PROVISIONING__SETTLE_SECONDS", "1")
        .env("WINSERVE__CLERK__WEBHOOK_SECRET", winserve_testkit::WEBHOOK_SECRETS[0])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// Faults of Clerk.
enum Trouble {
    /// Connections are refused.
    Down,
    /// Every call has this fault.
    Failing(Action),
}

impl Trouble {
    fn all() -> Vec<Self> {
        let status = |status, code: &str| Action::Status { status, code: code.to_owned() };
        let failing = [
            // Far longer than any test takes.
            Action::Hang,
            Action::ResetBeforeCommit,
            Action::RateLimit { retry_after: 1 },
            status(500, "internal_clerk_error"),
            status(401, "clerk_key_invalid"),
        ];
        [Self::Down].into_iter().chain(failing.map(Self::Failing)).collect()
    }

    fn begin(&self, clerk: &mut ClerkEmulator) {
        match self {
            Self::Down => clerk.go_away(),
            Self::Failing(action) => clerk.fail("*", action.clone()),
        }
    }

    fn end(clerk: &mut ClerkEmulator) {
        clerk.come_back().unwrap();
        clerk.heal();
    }
}

/// Starts a campaign; its organization then waits for the workers.
async fn start_campaign(world: &World, base: &str) {
    let before = world.database.rows("SELECT FROM organization").len();
    let answer = http_client()
        .post(format!("{base}/v1/campaigns"))
        .bearer_auth(token())
        .json(&json!({"customOffice": {"office": "Dog Catcher", "state": "MI"}}))
        .send()
        .await
        .unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["organization"]["clerkOrganizationId"], Value::Null);
    assert_eq!(world.database.rows("SELECT FROM organization").len(), before + 1);
    let id = body["organization"]["id"].as_str().unwrap();
    let row = format!("SELECT dead_at FROM clerk_outbox WHERE organization_id = '{id}'");
    assert_eq!(world.database.row(&row)["dead_at"], Value::Null);
}

/// Waits until every organization has one in Clerk.
async fn assert_provided_soon(world: &World) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while world.pending() > 0 {
        let rows = world.database.rows("SELECT * FROM clerk_outbox");
        assert!(Instant::now() < deadline, "{rows:?}");
        world.make_all_due();
        actix_web::rt::time::sleep(Duration::from_millis(100)).await;
    }
    world.assert_provided();
}

/// Workers of other processes sync it later: the process that serves the request has no workers.
#[actix_web::test]
async fn a_campaign_is_started_without_a_call_to_a_clerk_that_is_down_hangs_or_refuses() {
    let mut world = World::on(TestDatabase::with_clerk_outbox(Phase::Three));
    world.user(7);
    let bind = format!("127.0.0.1:{}", free_port());
    let started = provider_with(&world, &bind, 0);
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    for trouble in Trouble::all() {
        trouble.begin(&mut world.clerk);
        start_campaign(&world, &base).await;
        assert_eq!(world.clerk.hits(), 0);
        Trouble::end(&mut world.clerk);
    }
    assert_eq!(requests(&world.clerk, "*"), 0);
    assert_eq!(world.pending(), Trouble::all().len());
    let workers = provider(&world, "127.0.0.1:0");
    assert_provided_soon(&world).await;
    assert_eq!(started.terminate(), Some(0));
    assert_eq!(workers.terminate(), Some(0));
}

/// Shutdown does not wait for calls in progress either.
#[actix_web::test]
async fn a_campaign_is_started_while_every_worker_of_the_process_waits_for_clerk() {
    let mut world = World::on(TestDatabase::with_clerk_outbox(Phase::Three));
    world.user(7);
    let bind = format!("127.0.0.1:{}", free_port());
    // None has an answer yet.
    world.clerk.fail("*", Action::Hang);
    let started = provider(&world, &bind);
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    eventually("every worker asks", || world.clerk.hits() >= WORKERS).await;
    start_campaign(&world, &base).await;
    for trouble in Trouble::all() {
        trouble.begin(&mut world.clerk);
        start_campaign(&world, &base).await;
        Trouble::end(&mut world.clerk);
    }
    assert_provided_soon(&world).await;
    assert_eq!(started.terminate(), Some(0));
}

/// Only workers call Clerk: without them there is no call, whatever is created, changed or deleted.
#[actix_web::test]
async fn no_request_asks_clerk_of_organizations() {
    let app =
        winserve_testkit::TestApp::with_clerk_on(TestDatabase::with_clerk_outbox(Phase::One)).await;
    fixtures::user(&app.database, 7, "candidate");
    let office = json!({"customOffice": {"office": "Dog Catcher", "state": "MI"}});
    let created = app.user(7).post("/v1/campaigns", office.clone()).await.json();
    let id = created["organization"]["id"].as_str().unwrap().to_owned();
    let won = json!({"electedDate": "2024-11-05"});
    assert_eq!(app.user(7).post("/v1/elected-office", won).await.status, 201);
    let client = app.user(7);
    let path = format!("/v1/organizations/{id}");
    let change =
        client.request(reqwest::Method::PATCH, &path).json(&json!({"positionId": fixtures::MAYOR}));
    assert_eq!(client.send(change).await.status, 200);
    assert_eq!(app.user(7).delete("/v1/users/7").await.status, 204);
    assert_eq!(requests(app.clerk(), "/v1/organizations*"), 0);
}

/// Clerk reports that an organization was deleted there; it is created again, with a new id.
#[actix_web::test]
async fn an_organization_that_is_deleted_at_clerk_is_provided_again_by_its_message() {
    let world = World::on(TestDatabase::with_clerk_outbox(Phase::One));
    world.user(7);
    world.campaign(11, 7);
    let bind = format!("127.0.0.1:{}", free_port());
    let started = provider(&world, &bind);
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let url = format!("{base}/v1/webhooks/clerk");
    let endpoint = WebhookEndpoint::new(&url, winserve_testkit::WEBHOOK_SECRETS[0]);
    world.clerk.send_webhooks(&endpoint).unwrap();
    let provided = async |unlike: &Value| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let stored = world.stored(&world.organization_of(11));
            if stored.is_string() && stored != *unlike && world.pending() == 0 {
                return stored;
            }
            assert!(
                Instant::now() < deadline,
                "{:?}",
                world.database.rows("SELECT * FROM clerk_outbox")
            );
            actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let first = provided(&Value::Null).await;
    assert!(world.clerk.delete_organization(first.as_str().unwrap()));
    provided(&first).await;
    // Its owner is deleted there too.
    assert!(world.clerk.delete_user("user_7"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while world.database.row("SELECT clerk_id FROM \"user\"")["clerk_id"] != Value::Null {
        assert!(Instant::now() < deadline, "{:?}", world.clerk.webhook_attempts());
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    provided(&Value::Null).await;
    assert_eq!(started.terminate(), Some(0));
    assert_eq!(world.clerk.organizations().len(), 1);
    assert!(world.clerk.webhook_attempts().iter().all(|it| it.status == Some(204)));
}

#[actix_web::test]
async fn a_process_says_how_the_outbox_fares() {
    let world = World::on(TestDatabase::with_clerk_outbox(Phase::One));
    world.user(7);
    for id in 1..=3 {
        world.campaign(id, 7);
    }
    world.database.execute(
        "UPDATE clerk_outbox SET next_attempt_at = now() + interval '1 h', created_at = now() - interval '2 h';
         UPDATE clerk_outbox SET dead_at = now(), dead_reason = 'no-answer' WHERE organization_id =
             (SELECT organization_id FROM campaign WHERE id = 1)",
    );
    let bind = format!("127.0.0.1:{}", free_port());
    let _started = provider(&world, &bind);
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let value = |metrics: &str, name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")))?;
        line.rsplit(' ').next()?.parse::<f64>().ok()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        if value(&metrics, "clerk_outbox_pending") == Some(2.0) {
            assert_eq!(value(&metrics, "clerk_outbox_dead_letters"), Some(1.0));
            assert!(value(&metrics, "clerk_outbox_oldest_age_seconds") >= Some(7_200.0));
            return;
        }
        assert!(Instant::now() < deadline, "{metrics}");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn what_the_instance_does_not_say_of_itself_is_logged_once() {
    let world = World::on(TestDatabase::with_clerk_outbox(Phase::One));
    let hidden = vec!["force_organization_selection".to_owned()];
    world.clerk.set(InstanceSettings { hidden, ..InstanceSettings::default() });
    world.user(7);
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = configured(api(&world.database, "127.0.0.1:0"), &world.clerk);
    command.stdout(Stdio::null()).stderr(log.reopen().unwrap());
    let started = Running(command.spawn().unwrap());
    let settings = "/v1/instance/organization_settings";
    let deadline = Instant::now() + Duration::from_secs(30);
    // Each of its workers has called.
    while world.clerk.count(settings) < 4 {
        assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(log.path()).unwrap());
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(started.terminate(), Some(0));
    let log = std::fs::read_to_string(log.path()).unwrap();
    let sentence = "cannot tell whether the Clerk instance requires membership";
    assert_eq!(log.matches(sentence).count(), 1, "{log}");
}
