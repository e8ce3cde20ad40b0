//! Processes that tell Clerk of organizations, while calls go wrong and processes die: each organization has
//! one at Clerk in the end, and none is left behind.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use winserve_domain::phase::Phase;
use winserve_emulators::{
    Action, InstanceSettings, Match, Person, RateLimits, Rule, WebhookEndpoint,
};
use winserve_testkit::{TestDatabase, http_client};

use crate::{
    binaries::{Running, api, backfill::backfill, free_port, output, token, wait_until_ready},
    clerk_backfill::configured,
    clerk_organizations::{World, requests},
    fixtures,
};

/// `api` with this Clerk, whose workers do not wait long.
fn provider(world: &World, bind: &str) -> Running {
    let mut command = configured(api(&world.database, bind), &world.clerk);
    command
        .env("WINSERVE__CLERK__PROVISIONING__LEASE_SECONDS", "45")
        .env("WINSERVE__CLERK__WEBHOOK_SECRET", winserve_testkit::WEBHOOK_SECRETS[0])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// Of the requests of this method, or any, and path, so large a part is dealt with so.
fn sometimes(method: Option<&str>, path: &str, probability: f64, action: Action) -> Rule {
    let matches = Match {
        method: method.map(str::to_owned),
        path_glob: Some(path.to_owned()),
        probability: Some(probability),
        ..Match::default()
    };
    Rule::always(matches, action)
}

/// Everything that may go wrong with a call, each with some.
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
        // There are few of these.
        world.clerk.plan(sometimes(None, "/v1/organizations/*", 3.0 * part, action));
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
    world.clerk.plan(sometimes(
        Some("GET"),
        "/v1/organizations",
        0.1,
        Action::StaleList { ms: 700 },
    ));
}

/// Three processes tell Clerk of so many organizations under all faults, and are killed again and again.
async fn under_faults_and_kills(organizations: i32, kills: usize, slugs: bool) {
    let world = World::on(TestDatabase::with_clerk_outbox(Phase::One));
    world.clerk.set(InstanceSettings { slug_disabled: !slugs, ..InstanceSettings::default() });
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

    let mut processes: Vec<Running> = (0..3).map(|_| provider(&world, "127.0.0.1:0")).collect();
    let mut killed = 0;
    let deadline =
        Instant::now() + Duration::from_secs(20 + u64::from(organizations.unsigned_abs()) / 5);
    // Any fixed sequence: the moments are spread, not known.
    let mut moments = (1_u64..).map(|round| Duration::from_millis(150 + round * 137 % 700));
    while world.pending() > 0 {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            world
                .database
                .rows("SELECT last_failure, attempts, count(*) FROM clerk_outbox GROUP BY 1, 2")
        );
        actix_web::rt::time::sleep(moments.next().unwrap()).await;
        world.shorten_waits();
        if killed < kills {
            let victim = killed % processes.len();
            assert!(processes[victim].kill(), "it had ended by itself");
            processes[victim] = provider(&world, "127.0.0.1:0");
            killed += 1;
        }
        if killed == kills / 2 {
            // What changes meanwhile.
            world.database.execute_unmapped("DELETE FROM campaign WHERE id % 50 = 0");
        }
    }
    assert_eq!(killed, kills, "the data are too few");
    let faults = format!("{}/_emu/faults", world.clerk.url());
    let faults: Value = http_client().get(faults).send().await.unwrap().json().await.unwrap();
    for rule in faults.as_array().unwrap() {
        let is_rare = rule["seen"].as_u64() < Some(200);
        assert!(is_rare || rule["hits"].as_u64() > Some(0), "it never happened: {rule}");
    }
    world.clerk.heal();
    for process in processes {
        assert_eq!(process.terminate(), Some(0));
    }
    let dead = world.database.rows("SELECT dead_reason FROM clerk_outbox");
    assert_eq!(dead, Vec::<Value>::new());
    // What two workers made of one organization, if a list did not show the first in time.
    let mend = ["run", "clerk-organizations", "--sweep", "--execute", "--grace", "0"];
    let (code, stdout, stderr) =
        output(configured(backfill(&world.database), &world.clerk).args(mend));
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let (code, stdout, stderr) = output(
        configured(backfill(&world.database), &world.clerk).args(["run", "clerk-organizations"]),
    );
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    world.assert_provided();
    let left = world.database.row("SELECT count(*) FROM organization")["count"].as_i64().unwrap();
    assert_eq!(left, i64::from(organizations - organizations / 50));
}

#[actix_web::test]
async fn three_processes_under_faults_and_kills_leave_one_organization_each() {
    under_faults_and_kills(500, 6, false).await;
}

#[actix_web::test]
#[ignore = "make chaos"]
async fn chaos_three_processes_under_faults_and_kills_leave_one_organization_each() {
    under_faults_and_kills(10_000, 60, false).await;
    under_faults_and_kills(10_000, 60, true).await;
}

/// Whatever Clerk does, starting a campaign does not ask it; once it answers again, nothing is missing.
#[actix_web::test]
async fn a_campaign_is_started_while_clerk_is_down_hangs_or_refuses() {
    let world = World::on(TestDatabase::with_clerk_outbox(Phase::One));
    world.user(7);
    let bind = format!("127.0.0.1:{}", free_port());
    let started = provider(&world, &bind);
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let status = |status, code: &str| Action::Status { status, code: code.to_owned() };
    for (number, action) in (1..).zip([
        Action::Hang,
        Action::ResetBeforeCommit,
        Action::RateLimit { retry_after: 1 },
        status(500, "internal_clerk_error"),
        status(401, "clerk_key_invalid"),
    ]) {
        world.clerk.fail("*", action.clone());
        let answer = http_client()
            .post(format!("{base}/v1/campaigns"))
            .bearer_auth(token())
            .json(&json!({"customOffice": {"office": "Dog Catcher", "state": "MI"}}))
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 201, "{action:?} {body}");
        assert_eq!(body["organization"]["clerkOrganizationId"], Value::Null);
        let organizations = world.database.rows("SELECT FROM organization");
        assert_eq!(organizations.len(), number, "{action:?}");
        world.clerk.heal();
    }
    let deadline = Instant::now() + Duration::from_mins(1);
    while world.pending() > 0 {
        assert!(
            Instant::now() < deadline,
            "{:?}",
            world.database.rows("SELECT * FROM clerk_outbox")
        );
        world.hurry();
        actix_web::rt::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(started.terminate(), Some(0));
    world.assert_provided();
}

/// Only a worker asks Clerk: with none, nobody does, whatever is created, changed or deleted.
#[actix_web::test]
async fn no_request_asks_clerk_of_organizations() {
    let app =
        winserve_testkit::TestApp::with_clerk_on(TestDatabase::with_clerk_outbox(Phase::One)).await;
    fixtures::user(&app.database, 7, "candidate");
    let office = json!({"customOffice": {"office": "Dog Catcher", "state": "MI"}});
    let created = app.user(7).post("/v1/campaigns", office.clone()).await.json();
    let id = created["organization"]["id"].as_str().unwrap().to_owned();
    let taken =
        json!({"customOffice": {"office": "Mayor", "state": "MI"}, "electedDate": "2024-11-05"});
    assert_eq!(app.user(7).post("/v1/elected-office", taken).await.status, 201);
    let client = app.user(7);
    let path = format!("/v1/organizations/{id}");
    let change =
        client.request(reqwest::Method::PATCH, &path).json(&json!({"positionId": fixtures::MAYOR}));
    assert_eq!(client.send(change).await.status, 200);
    assert_eq!(app.user(7).delete("/v1/users/7").await.status, 204);
    assert_eq!(requests(app.clerk(), "/v1/organizations*"), 0);
}

/// Clerk deletes an organization and says so; what it should have is there again, under another id.
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
    // Its owner is deleted there, too.
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
    // Each of its workers has asked.
    while world.clerk.count(settings) < 4 {
        assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(log.path()).unwrap());
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(started.terminate(), Some(0));
    let log = std::fs::read_to_string(log.path()).unwrap();
    let sentence = "cannot tell whether the Clerk instance requires membership";
    assert_eq!(log.matches(sentence).count(), 1, "{log}");
}
