//! All workers charge their Clerk requests to one shared budget, and pause when Clerk tells them to.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use winserve_clerk::Workers;
use winserve_domain::clerk::{Provisioner, ProvisioningLimits, WorkOutcome};
use winserve_emulators::{Action, InstanceSettings, Match, Rule};

use super::{
    clerk_commands::{RUN, SWEEP, run_json},
    clerk_organizations::{LIMITS, World, provisioner, requests},
};

pub(crate) const SETTINGS: &str = "/v1/instance/organization_settings";

fn outage() -> Action {
    Action::Status { status: 503, code: "service_unavailable".to_owned() }
}

/// Waits until nothing is pending, except for later attempts.
async fn until_done(world: &World) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while world.pending() > 0 {
        let rows = "SELECT last_failure, attempts, dead_reason FROM clerk_outbox";
        assert!(Instant::now() < deadline, "{:?}", world.database.rows(rows));
        world.make_all_due();
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A budget of one request, without refill.
struct Purse {
    provisioner: Provisioner,
    charged: usize,
}

impl Purse {
    fn of(world: &World) -> Self {
        let limits = ProvisioningLimits { requests_per_second: 1e-9, ..LIMITS };
        Self { provisioner: provisioner(&world.database, &world.clerk, limits), charged: 0 }
    }

    /// Runs work with a budget of one request, and adds the requests that it charged.
    async fn spend<T>(&mut self, world: &World, work: impl AsyncFnOnce(&Provisioner) -> T) -> T {
        world.make_all_due();
        world.database.execute_unmapped(
            "UPDATE clerk_budget SET requests = 1, refilled_at = clock_timestamp()",
        );
        let outcome = work(&self.provisioner).await;
        let missing = "SELECT round(1 - requests)::int AS missing FROM clerk_budget";
        let missing = world.database.row(missing)["missing"].as_u64().unwrap();
        self.charged += usize::try_from(missing).unwrap();
        outcome
    }

    /// From a process that does not know yet about Clerk's pause.
    async fn turn(&mut self, world: &World) -> bool {
        self.provisioner = Self::of(world).provisioner;
        let settings = self.spend(world, async |it| it.settings().await.unwrap()).await;
        let Ok(settings) = settings else { return false };
        self.spend(world, async |it| it.process_next(&settings).await.is_ok()).await
    }
}

#[actix_web::test]
async fn every_request_is_charged_whatever_its_outcome() {
    for slugs in [false, true] {
        let world = World::new();
        world.clerk.set(InstanceSettings { slug_disabled: !slugs, ..InstanceSettings::default() });
        world.user(7);
        let mut purse = Purse::of(&world);
        let faults = [
            outage(),
            Action::ResetBeforeCommit,
            Action::CommitThenDrop,
            Action::BadJson,
            Action::RetryLater { status: 503, retry_after: "1".to_owned() },
            Action::RateLimit { retry_after: 1 },
        ];
        let paths = [
            SETTINGS,
            "/v1/organizations",
            "/v1/organizations/*",
            "/v1/organizations/*/memberships",
        ];
        let wrongs = faults.iter().flat_map(|fault| paths.map(|path| (fault, path)));
        for (id, (fault, path)) in (1..).zip(wrongs) {
            world.campaign(id, 7);
            world.clerk.fail(path, fault.clone());
            // Two turns: to create this one, and to update the others.
            for _ in 0..2 {
                purse.turn(&world).await;
            }
            world.clerk.heal();
            purse.turn(&world).await;
            assert_eq!(purse.charged, requests(&world.clerk, "*"), "{fault:?} {path}");
            world.database.execute("SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization))");
        }
    }
}

#[actix_web::test]
async fn what_was_sent_before_the_database_failed_is_charged_too() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.database.execute(
        "ALTER TABLE organization ADD CONSTRAINT never CHECK (clerk_organization_id IS NULL)",
    );
    let mut purse = Purse::of(&world);
    assert!(!purse.turn(&world).await, "the id cannot be stored");
    assert_eq!(purse.charged, requests(&world.clerk, "*"));
    world.database.execute("ALTER TABLE organization DROP CONSTRAINT never");
    world.database.execute("UPDATE clerk_outbox SET lease_until = now() - interval '1 s'");
    world.drain().await;
    world.assert_provided();
}

/// However many workers there are and whatever fails: measured in the database, with more work than the budget
/// allows.
#[actix_web::test]
async fn workers_under_faults_send_no_more_than_the_budget_grants() {
    let world = World::new();
    world.user(7);
    world.database.execute(
        "INSERT INTO campaign (id, updated_at, slug, user_id, details)
         SELECT id, now(), 'c' || id, 7, '{\"electionDate\": \"2028-11-07\"}' FROM generate_series(1, 400) AS id",
    );
    for action in [outage(), Action::ResetBeforeCommit, Action::CommitThenDrop] {
        let matches =
            Match { path_glob: Some("*".to_owned()), probability: Some(0.1), ..Match::default() };
        world.clerk.plan(Rule::always(matches, action));
    }
    let begin = "UPDATE clerk_budget SET requests = 0, refilled_at = clock_timestamp()";
    world.database.execute_unmapped(begin);
    let refilled_at = world.database.row("SELECT refilled_at::text FROM clerk_budget");
    let limits = ProvisioningLimits { requests_per_second: 100.0, max_attempts: 50, ..LIMITS };
    let processes: Vec<_> = (0..3)
        .map(|_| Workers::start(&provisioner(&world.database, &world.clerk, limits), 4))
        .collect();
    let deadline = Instant::now() + Duration::from_mins(1);
    while requests(&world.clerk, "*") < 300 {
        assert!(Instant::now() < deadline && world.pending() > 100);
        world.make_all_due();
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    for process in processes {
        process.stop().await;
    }
    let granted = world.database.row(&format!(
        "SELECT ceil(100 * extract(epoch FROM refilled_at - '{}') - requests)::int AS requests FROM clerk_budget",
        refilled_at["refilled_at"].as_str().unwrap()
    ));
    let sent = requests(&world.clerk, "*");
    let granted = usize::try_from(granted["requests"].as_u64().unwrap()).unwrap();
    assert!(sent <= granted, "{sent} of {granted}");
}

#[actix_web::test]
async fn settings_are_read_again_after_what_may_come_of_them_and_not_after_an_outage() {
    let world = World::new();
    world.clerk.set(InstanceSettings { slug_disabled: false, ..InstanceSettings::default() });
    world.user(7);
    world.campaign(11, 7);
    let matches = Match { path_glob: Some("/v1/organizations*".to_owned()), ..Match::default() };
    for action in [outage(), Action::ResetBeforeCommit, Action::RateLimit { retry_after: 0 }] {
        world.clerk.plan(Rule { times: Some(2), ..Rule::always(matches.clone(), action) });
    }
    let workers = Workers::start(&world.provisioner, 1);
    until_done(&world).await;
    assert_eq!(world.clerk.count(SETTINGS), 1);
    // Clerk would now refuse a slug.
    world.clerk.set(InstanceSettings::default());
    world.campaign(12, 7);
    until_done(&world).await;
    assert_eq!(world.clerk.count(SETTINGS), 2);
    workers.stop().await;
    world.assert_provided();
}

#[actix_web::test]
async fn an_outage_that_says_how_long_it_takes_makes_every_worker_rest() {
    for (said, least, most) in [("30", 20, 30), ("18446744073709551615", 3_500, 3_600)] {
        let world = World::new();
        world.user(7);
        world.campaign(11, 7);
        world.campaign(12, 7);
        let settings = world.provisioner.settings().await.unwrap().unwrap();
        let action = Action::RetryLater { status: 503, retry_after: said.to_owned() };
        world.fail_next("POST", "/v1/organizations", action);
        let turn = world.provisioner.process_next(&settings).await.unwrap();
        assert!(matches!(turn, WorkOutcome::Failed { is_dead: false, .. }), "{turn:?}");
        let row =
            "SELECT attempts, last_failure FROM clerk_outbox WHERE creating_since IS NOT NULL";
        let unknown = json!({"attempts": 1, "last_failure": "no-answer"});
        assert_eq!(world.database.row(row), unknown, "it is unknown whether the call took effect");
        let another = provisioner(&world.database, &world.clerk, LIMITS);
        let WorkOutcome::Paused(rest) = another.process_next(&settings).await.unwrap() else {
            panic!("no pause")
        };
        assert!((least..=most).contains(&rest.as_secs()), "{rest:?}");
        assert!(matches!(another.settings().await.unwrap(), Err(WorkOutcome::Paused(_))));
        assert_eq!(world.clerk.count(SETTINGS), 1, "nor are its settings requested");
    }
}

#[actix_web::test]
async fn settings_that_cannot_be_read_for_an_outage_are_left_alone_as_long_as_it_says() {
    let world = World::new();
    let action = Action::RetryLater { status: 503, retry_after: "30".to_owned() };
    world.clerk.fail_once(SETTINGS, action);
    let Err(WorkOutcome::Paused(rest)) = world.provisioner.settings().await.unwrap() else {
        panic!()
    };
    assert_eq!(rest, Duration::from_secs(30));
    let rests =
        "SELECT paused_until > now() + interval '20 s' AS rests, halted_by FROM clerk_budget";
    assert_eq!(world.database.row(rests), json!({"rests": true, "halted_by": Value::Null}));
}

#[actix_web::test]
async fn a_pause_that_clerk_requests_from_a_backfill_pauses_every_worker() {
    let busy = Action::RateLimit { retry_after: 60 };
    let outage = Action::RetryLater { status: 503, retry_after: "60".to_owned() };
    for action in [busy, outage] {
        for (arguments, path) in [(&RUN[..], SETTINGS), (&SWEEP, "/v1/organizations")] {
            let world = World::new();
            world.user(7);
            world.campaign(11, 7);
            let settings = world.provisioner.settings().await.unwrap().unwrap();
            world.clerk.fail_once(path, action.clone());
            let (code, report) = run_json(&world, &[arguments, &["--patience", "1"]].concat());
            assert_eq!(code, Some(30), "{report}");
            let before = requests(&world.clerk, "*");
            let turn = world.provisioner.process_next(&settings).await.unwrap();
            let WorkOutcome::Paused(rest) = turn else { panic!("{turn:?}") };
            assert!((20..=60).contains(&rest.as_secs()), "{rest:?}");
            assert_eq!(requests(&world.clerk, "*"), before);
        }
    }
}
