//! Each organization is synced from the outbox to Clerk exactly once (design §7).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use winserve_clerk::{ClerkClient, ClerkOptions};
use winserve_domain::{
    base::SystemClock,
    clerk::{InstanceProblem, Provisioner, ProvisioningLimits, WorkOutcome},
};
use winserve_emulators::{
    Action, ClerkEmulator, ClerkOrganization, InstanceSettings, Match, Person, Rule,
};
use winserve_persistence::{Db, DbOptions};
use winserve_testkit::TestDatabase;
use winserve_testkit::{Phase, composition};

use super::{clerk_commands::run_json, clerk_sweep::SWEEP_AND_FIX};
use crate::fixtures::{self, MAYOR};

/// A database with phase 1b on, a Clerk, and the provisioner between them.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) clerk: ClerkEmulator,
    pub(crate) provisioner: Provisioner,
}

/// Fast: practically no budget limit, and short waits.
pub(crate) const LIMITS: ProvisioningLimits = ProvisioningLimits {
    requests_per_second: 100_000.0,
    lease: Duration::from_secs(20),
    settle: Duration::ZERO,
    max_attempts: 8,
};

impl World {
    pub(crate) fn new() -> Self {
        Self::on(TestDatabase::with_clerk_outbox(Phase::One))
    }

    pub(crate) fn on(database: TestDatabase) -> Self {
        let clerk = ClerkEmulator::start().unwrap();
        let provisioner = provisioner(&database, &clerk, LIMITS);
        Self { database, clerk, provisioner }
    }

    /// A user in Clerk.
    pub(crate) fn user(&self, id: i32) {
        fixtures::user(&self.database, id, "candidate");
        let clerk_id = format!("user_{id}");
        self.clerk.add(Person::verified(&clerk_id, &format!("user{id}@example.org")));
        self.database.execute_unmapped(&format!(
            "UPDATE \"user\" SET clerk_id = '{clerk_id}' WHERE id = {id}"
        ));
    }

    pub(crate) fn campaign(&self, id: i32, owner: i32) {
        fixtures::campaign(&self.database, id, owner, &json!({"electionDate": "2028-11-07"}), None);
    }

    /// Applies a fault to the next call with this method and path.
    pub(crate) fn fail_next(&self, method: &str, path: &str, action: Action) {
        let matches = Match {
            method: Some(method.to_owned()),
            path_glob: Some(path.to_owned()),
            ..Match::default()
        };
        self.clerk.plan(Rule::once(matches, action));
    }

    /// Rows that are neither done nor dead letters.
    pub(crate) fn pending(&self) -> usize {
        self.database.rows("SELECT FROM clerk_outbox WHERE dead_at IS NULL").len()
    }

    /// Makes every row due, so that nothing waits for a later attempt.
    pub(crate) fn make_all_due(&self) {
        self.database.execute_unmapped(
            "UPDATE clerk_outbox SET next_attempt_at = now() - interval '1 s';
             UPDATE clerk_budget SET paused_until = '-infinity'",
        );
    }

    /// Makes every row due, without waiting for leases or backoff.
    pub(crate) fn shorten_waits(&self) {
        self.database.execute_unmapped(
            "UPDATE clerk_outbox SET lease_until = now() + interval '15 s' WHERE lease_until > now() + interval '15 s';
             UPDATE clerk_outbox SET next_attempt_at = now() + interval '3 s'
                 WHERE next_attempt_at > now() + interval '3 s'",
        );
    }

    /// Processes rows until none is waiting, and returns each outcome.
    pub(crate) async fn drain(&self) -> Vec<WorkOutcome> {
        let settings = self.provisioner.directory.settings().await.unwrap();
        let mut turns = Vec::new();
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.pending() > 0 {
            assert!(Instant::now() < deadline, "{turns:?}");
            self.make_all_due();
            match self.provisioner.process_next(&settings).await.unwrap() {
                WorkOutcome::Idle | WorkOutcome::Paused(_) => {}
                turn => turns.push(turn),
            }
        }
        turns
    }

    /// The only organization in Clerk for one of ours.
    pub(crate) fn only(&self, organization: &Value) -> ClerkOrganization {
        let mut found = self.clerk.organizations();
        found.retain(|it| it.private_metadata["ref"] == *organization);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    pub(crate) fn organization_of(&self, campaign: i32) -> Value {
        let query = format!("SELECT organization_id AS id FROM campaign WHERE id = {campaign}");
        self.database.row(&query)["id"].clone()
    }

    pub(crate) fn stored(&self, organization: &Value) -> Value {
        let id = organization.as_str().unwrap();
        let query =
            format!("SELECT clerk_organization_id AS id FROM organization WHERE id = '{id}'");
        self.database.row(&query)["id"].clone()
    }

    /// Asserts that each organization has exactly one in Clerk, with the right data.
    pub(crate) fn assert_provided(&self) {
        assert_eq!(self.database.rows("SELECT * FROM clerk_outbox"), Vec::<Value>::new());
        let wanted = self.database.rows(
            "SELECT organization.id, clerk_organization_id, owner.clerk_id AS owner,
                    CASE type WHEN 'campaign' THEN 'campaign' ELSE 'electedOffice' END AS type,
                    CASE WHEN position_id NOT LIKE 'custom:%' THEN position_id END AS position,
                    (SELECT source FROM clerk_switch) AS source
             FROM organization JOIN \"user\" AS owner ON owner.id = owner_id
             JOIN (SELECT organization_id, position_id FROM campaign
                   UNION ALL SELECT organization_id, position_id FROM elected_office) AS holder
                 ON organization_id = organization.id ORDER BY organization.id",
        );
        let mut found = self.clerk.organizations();
        found.sort_by_key(|it| it.private_metadata["ref"].to_string());
        let shown: Vec<Value> = found
            .iter()
            .map(|it| {
                json!({
                    "id": it.private_metadata["ref"], "source": it.private_metadata["source"],
                    "clerk_organization_id": it.id, "type": it.public_metadata["type"],
                    "position": it.public_metadata["positionId"],
                    "owner": it.memberships.keys().next(),
                })
            })
            .collect();
        assert_eq!(shown, wanted);
        for it in &found {
            assert!(it.memberships.values().all(|member| member.role == "org:admin"), "{it:?}");
            assert_ne!(it.private_metadata["ref"], it.name, "the working name");
        }
    }
}

/// How many requests with a matching path Clerk received, with any method.
pub(crate) fn requests(clerk: &ClerkEmulator, path_glob: &str) -> usize {
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    methods.iter().map(|method| clerk.count_of(method, path_glob)).sum()
}

pub(crate) fn client_options(clerk: &ClerkEmulator) -> ClerkOptions {
    ClerkOptions {
        timeout: Duration::from_secs(2),
        ..ClerkOptions::new(&clerk.api_url(), clerk.secret_key().into(), clerk.url())
    }
}

/// Runs with exactly the rights of a server.
pub(crate) fn provisioner(
    database: &TestDatabase,
    clerk: &ClerkEmulator,
    limits: ProvisioningLimits,
) -> Provisioner {
    let options = DbOptions::new("winserve-test", 4);
    let url = database.url_as(&database.server_role());
    Provisioner {
        database: Arc::new(Db::connect(&url, &options, composition(Phase::Two)).unwrap()),
        directory: Arc::new(ClerkClient::new(&client_options(clerk)).unwrap()),
        clock: Arc::new(SystemClock),
        jitter: Arc::new(|| 0.0),
        limits,
    }
}

#[actix_web::test]
async fn a_campaign_and_an_office_get_one_each_with_their_owner_and_what_they_are() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.database.execute(&format!(
        "INSERT INTO ballot_position (id, source, office) VALUES ('{MAYOR}', 'ballot_ready', 'Mayor of St.Ives');
         INSERT INTO elected_office (id, updated_at, user_id, campaign_id, position_id)
             VALUES ('office', now(), 7, 11, '{MAYOR}')"
    ));
    assert_eq!(world.drain().await.len(), 2);
    world.assert_provided();
    let mut names: Vec<_> = world.clerk.organizations().into_iter().map(|it| it.name).collect();
    names.sort();
    assert_eq!(names, ["2028 Campaign", "Mayor of St Ives"], "without what looks like an address");
    let creations = world.clerk.count_of("POST", "/v1/organizations");
    world.database.execute("SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization))");
    world.drain().await;
    world.assert_provided();
    assert_eq!(
        world.clerk.count_of("POST", "/v1/organizations"),
        creations,
        "sent twice, created once"
    );
}

#[actix_web::test]
async fn what_changes_is_kept_in_step() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.drain().await;
    world.database.expect_damage();
    world.database.execute(&format!(
        "INSERT INTO ballot_position (id, source) VALUES ('{MAYOR}', 'ballot_ready');
         UPDATE campaign SET position_id = '{MAYOR}'"
    ));
    assert_eq!(world.pending(), 1);
    world.drain().await;
    world.assert_provided();
    assert_eq!(world.clerk.organizations()[0].public_metadata["positionId"], MAYOR);
    world.database.execute("UPDATE campaign SET position_id = 'custom:campaign:11'");
    world.drain().await;
    world.assert_provided();
    assert!(world.clerk.organizations()[0].public_metadata.get("positionId").is_none());
}

#[actix_web::test]
async fn an_owner_whom_clerk_does_not_know_yet_becomes_a_member_later() {
    let world = World::new();
    fixtures::user(&world.database, 7, "candidate");
    world.campaign(11, 7);
    world.drain().await;
    world.assert_provided();
    assert!(world.clerk.organizations()[0].memberships.is_empty());
    world.clerk.add(Person::verified("user_7", "user7@example.org"));
    world.database.execute("UPDATE \"user\" SET clerk_id = 'user_7'");
    world.drain().await;
    world.assert_provided();
    assert_eq!(world.clerk.organizations()[0].memberships.len(), 1);
}

#[actix_web::test]
async fn an_owner_whom_clerk_has_no_more_keeps_the_organization_without_a_member() {
    let world = World::new();
    fixtures::user(&world.database, 7, "candidate");
    world.database.execute("UPDATE \"user\" SET clerk_id = 'user_gone'");
    world.campaign(11, 7);
    world.drain().await;
    assert!(world.only(&world.organization_of(11)).memberships.is_empty());
    assert_eq!(world.stored(&world.organization_of(11)), world.clerk.organizations()[0].id);
}

#[actix_web::test]
async fn an_owner_at_their_creation_limit_still_becomes_a_member() {
    let world = World::new();
    world.clerk.set(InstanceSettings { creation_limit: 1, ..InstanceSettings::default() });
    world.user(7);
    world.campaign(11, 7);
    world.campaign(12, 7);
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn a_stranger_added_in_clerk_stays_a_stranger_and_removing_them_changes_nothing() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.drain().await;
    let organization = world.organization_of(11);
    let id = world.stored(&organization);
    let memberships =
        format!("{}/organizations/{}/memberships", world.clerk.api_url(), id.as_str().unwrap());
    world.clerk.add(Person::verified("user_88", "stranger@example.org"));
    let http = winserve_testkit::http_client();
    let added = http
        .post(&memberships)
        .bearer_auth(world.clerk.secret_key())
        .json(&json!({"user_id": "user_88", "role": "org:admin"}));
    assert_eq!(added.send().await.unwrap().status(), 200);
    let rows = || {
        world.database.rows(
            "SELECT organization.*, campaign.user_id, clerk_id FROM organization
             JOIN campaign ON organization_id = organization.id JOIN \"user\" ON \"user\".id = owner_id",
        )
    };
    let before = rows();
    let look_again = || {
        world.database.execute_unmapped(&format!(
            "SELECT clerk_outbox_note(ARRAY['{}'::uuid])",
            organization.as_str().unwrap()
        ));
    };
    look_again();
    world.drain().await;
    assert_eq!(rows(), before);
    assert_eq!(run_json(&world, &SWEEP_AND_FIX).0, Some(0), "a sweep finds nothing to fix");
    assert_eq!(rows(), before);
    let removed =
        http.delete(format!("{memberships}/user_88")).bearer_auth(world.clerk.secret_key());
    assert_eq!(removed.send().await.unwrap().status(), 200);
    look_again();
    world.drain().await;
    assert_eq!(run_json(&world, &SWEEP_AND_FIX).0, Some(0));
    assert_eq!(rows(), before);
    world.assert_provided();
}

#[actix_web::test]
async fn what_is_deleted_goes_at_clerk_too() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.campaign(12, 7);
    world.drain().await;
    world.database.execute("DELETE FROM campaign WHERE id = 11");
    world.drain().await;
    world.assert_provided();
    assert_eq!(world.clerk.organizations().len(), 1);
    world.database.execute("DELETE FROM \"user\"");
    world.drain().await;
    assert!(world.clerk.organizations().is_empty());
}

#[actix_web::test]
async fn one_that_was_deleted_at_clerk_is_provided_again_when_it_is_looked_at() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.drain().await;
    let gone = world.clerk.organizations()[0].id.clone();
    let id = winserve_domain::clerk::ClerkOrganizationId::parse(&gone).unwrap();
    world.provisioner.directory.remove(&id).await.unwrap();
    world.database.execute("SELECT clerk_outbox_note(ARRAY(SELECT id FROM organization))");
    world.drain().await;
    world.assert_provided();
    assert_ne!(world.clerk.organizations()[0].id, gone);
}

#[actix_web::test]
async fn while_phase_1b_is_off_clerk_is_left_alone_and_nothing_is_lost() {
    let world = World::new();
    world.user(7);
    world.database.execute("UPDATE clerk_switch SET is_on = false");
    world.campaign(11, 7);
    assert_eq!(world.provisioner.settings().await.unwrap(), Err(WorkOutcome::Off));
    let settings = world.provisioner.directory.settings().await.unwrap();
    assert_eq!(world.provisioner.process_next(&settings).await.unwrap(), WorkOutcome::Off);
    assert_eq!(world.clerk.count_of("POST", "/v1/*"), 0);
    world.database.execute("UPDATE clerk_switch SET is_on = true");
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn a_database_without_an_outbox_has_phase_1b_off() {
    for database in [TestDatabase::new(), TestDatabase::in_phase(Phase::One)] {
        let world = World::on(database);
        assert_eq!(world.provisioner.settings().await.unwrap(), Err(WorkOutcome::Off));
        let settings = world.provisioner.directory.settings().await.unwrap();
        assert_eq!(world.provisioner.process_next(&settings).await.unwrap(), WorkOutcome::Off);
    }
}

#[actix_web::test]
async fn settings_that_do_not_suit_stop_everything_with_a_sentence_until_they_are_others() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let suitable = InstanceSettings::default();
    for (settings, problem) in [
        (InstanceSettings { enabled: false, ..suitable.clone() }, InstanceProblem::Disabled),
        (
            InstanceSettings { force_organization_selection: true, ..suitable.clone() },
            InstanceProblem::MembershipRequired,
        ),
    ] {
        world.clerk.set(settings);
        assert_eq!(world.provisioner.settings().await.unwrap(), Err(WorkOutcome::Halted(problem)));
        let halted =
            world.database.row("SELECT halted_by, paused_until > now() AS rests FROM clerk_budget");
        assert_eq!(halted, json!({"halted_by": problem.as_str(), "rests": true}));
        world.clerk.set(suitable.clone());
        let settings = world.provisioner.directory.settings().await.unwrap();
        assert!(matches!(
            world.provisioner.process_next(&settings).await.unwrap(),
            WorkOutcome::Paused(_)
        ));
        assert!(matches!(world.provisioner.settings().await.unwrap(), Err(WorkOutcome::Paused(_))));
        world.make_all_due();
        assert!(world.provisioner.settings().await.unwrap().is_ok());
    }
    assert_eq!(world.clerk.count_of("POST", "/v1/*"), 0);
    world.drain().await;
    world.assert_provided();
    assert_eq!(world.database.row("SELECT halted_by FROM clerk_budget")["halted_by"], Value::Null);
}

#[actix_web::test]
async fn a_full_instance_a_plan_and_a_wrong_key_halt_without_counting_attempts() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    let status = |status, code: &str| Action::Status { status, code: code.to_owned() };
    for (action, problem) in [
        (status(403, "organization_quota_exceeded"), InstanceProblem::Full),
        (status(402, "unsupported_subscription_plan_features"), InstanceProblem::Plan),
        (status(401, "clerk_key_invalid"), InstanceProblem::SecretKey),
        (status(403, "organization_not_enabled_in_instance"), InstanceProblem::Disabled),
    ] {
        world.clerk.fail_once("/v1/organizations", action);
        assert_eq!(
            world.provisioner.process_next(&settings).await.unwrap(),
            WorkOutcome::Halted(problem)
        );
        world.make_all_due();
    }
    let row = world.database.row("SELECT attempts, dead_at, creating_since FROM clerk_outbox");
    assert_eq!(row, json!({"attempts": 0, "dead_at": null, "creating_since": null}));
    world.drain().await;
    world.assert_provided();
}

#[actix_web::test]
async fn retry_after_makes_every_worker_rest_and_costs_no_attempt() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world.campaign(12, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    world.clerk.fail_once("/v1/organizations", Action::RateLimit { retry_after: 30 });
    assert!(matches!(
        world.provisioner.process_next(&settings).await.unwrap(),
        WorkOutcome::Failed { is_dead: false, .. }
    ));
    let another = provisioner(&world.database, &world.clerk, LIMITS);
    let WorkOutcome::Paused(rest) = another.process_next(&settings).await.unwrap() else {
        panic!("no pause")
    };
    assert!(rest > Duration::from_secs(20) && rest <= Duration::from_secs(30), "{rest:?}");
    let attempts = "SELECT max(attempts) AS attempts FROM clerk_outbox";
    assert_eq!(world.database.row(attempts)["attempts"], 0);
}

#[actix_web::test]
async fn all_workers_together_keep_to_one_budget() {
    let world = World::new();
    world.user(7);
    for id in 1..=30 {
        world.campaign(id, 7);
    }
    let limits = ProvisioningLimits { requests_per_second: 4.0, ..LIMITS };
    world.database.execute_unmapped("UPDATE clerk_budget SET requests = 4");
    let workers: Vec<_> =
        (0..3).map(|_| provisioner(&world.database, &world.clerk, limits)).collect();
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    let mut resting = 0;
    let mut told = 0;
    while resting < workers.len() {
        resting = 0;
        for worker in &workers {
            match worker.process_next(&settings).await.unwrap() {
                WorkOutcome::Paused(_) => resting += 1,
                WorkOutcome::Synced(_) => told += 1,
                turn => panic!("{turn:?}"),
            }
        }
    }
    // Two requests for each, four in parallel, plus the refill of a second or two.
    assert!((2..10).contains(&told), "{told}");
}

#[actix_web::test]
async fn a_live_change_comes_before_what_a_backfill_added() {
    let world = World::new();
    world.user(7);
    world.campaign(11, 7);
    world
        .database
        .execute("UPDATE clerk_outbox SET is_backfill = true, next_attempt_at = '2020-01-01'");
    world.campaign(12, 7);
    let settings = world.provisioner.settings().await.unwrap().unwrap();
    let WorkOutcome::Synced(first) = world.provisioner.process_next(&settings).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(json!(first.to_string()), world.organization_of(12));
}
