//! The migrator owns the tables, and the servers use another role, which may only read and write rows.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use uuid::Uuid;
use winserve_domain::base::SystemClock;
use winserve_migration::Phase;
use winserve_migration::{
    Heartbeat, Heartbeats, Options, Phases, Stop, Unobserved,
    migrate::{Group, MigrateError, expand, revert},
    phase::{self, PhaseChange, PhaseError},
    repair, run_organizations, run_positions, run_voter_file_filters,
    sql::{enforce_phase_1, enforce_phase_2, undo_phase_1, undo_phase_2},
    verify,
};
use winserve_persistence::{Db, DbOptions, PgConnection};
use winserve_testkit::{Client, Response, TestApp, TestDatabase};

use super::backfill_run::options;
use crate::fixtures::{self, MAYOR};

/// Legacy tables with a server role, as in a deployment.
fn with_servers() -> (TestDatabase, String) {
    let database = TestDatabase::new();
    let servers = database.server_role();
    (database, servers)
}

fn allow_rows(database: &TestDatabase, role: &str) {
    database.execute_unmapped(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
    ));
}

fn change(from: Phase, to: Phase, accepted: &[&str]) -> PhaseChange {
    PhaseChange {
        from,
        to,
        actor: "ann".into(),
        reason: "test".into(),
        accepted: accepted.iter().map(ToString::to_string).collect(),
        silence: Duration::ZERO,
    }
}

fn enter(connection: &mut PgConnection, from: Phase, to: Phase, accepted: &[&str]) {
    phase::change(connection, &change(from, to, accepted)).unwrap();
}

fn tables_that_a_role_may_not_read(database: &TestDatabase, role: &str) -> Vec<serde_json::Value> {
    database.rows(&format!(
        "SELECT relname FROM pg_class WHERE relname IN
             ('migration_phase', 'organization', 'ballot_position', 'organization_event', 'user_holding')
             AND NOT has_table_privilege('{role}', oid, 'SELECT')"
    ))
}

/// Number of answers by route and status.
type Statuses = Arc<Mutex<BTreeMap<(&'static str, u16), usize>>>;

/// Users that read and write until stopped.
struct Traffic {
    statuses: Statuses,
    is_over: Arc<AtomicBool>,
    tasks: Vec<actix_web::rt::task::JoinHandle<()>>,
}

impl Traffic {
    fn start(app: &TestApp) -> Self {
        let mut traffic =
            Self { statuses: Arc::default(), is_over: Arc::default(), tasks: Vec::new() };
        traffic.repeat(app.user(7), async |client, note, round| {
            note("GET users/me", &client.get("/v1/users/me").await);
            let user = json!({"firstName": format!("Ann {round}")});
            note("PUT users/me", &client.put("/v1/users/me", user).await);
            note("GET filters", &client.get("/v1/voters/voter-file/filters").await);
            let filter = json!({"name": "Filter"});
            let saved = client.post("/v1/voters/voter-file/filter", filter).await;
            note("POST filter", &saved);
            if saved.status == 201 {
                let path = format!("/v1/voters/voter-file/filter/{}", saved.json()["id"]);
                note("DELETE filter", &client.delete(&path).await);
            }
        });
        traffic.repeat(app.user(7), async |client, note, round| {
            note("GET mine", &client.get("/v1/campaigns/mine").await);
            let office = match round % 3 {
                0 => json!({"positionId": MAYOR, "office": "Other", "otherOffice": "Mayor", "state": "MI"}),
                1 => json!({"positionId": null, "office": "Clerk", "otherOffice": "", "state": "MI"}),
                _ => json!({"occupation": format!("Baker {round}")}),
            };
            let written = client.put("/v1/campaigns/mine", json!({"details": office})).await;
            note("PUT mine", &written);
        });
        traffic.repeat(app.user(8), async |client, note, _| {
            note("GET campaigns", &client.get("/v1/campaigns").await);
            let started = client.request(reqwest::Method::POST, "/v1/campaigns");
            let started = client.send(started).await;
            note("POST campaigns", &started);
            if started.status == 201 {
                let path = format!("/v1/admin/campaigns/{}", started.json()["id"]);
                note("DELETE campaign", &client.delete(&path).await);
            }
            note("GET readyz", &client.get("/readyz").await);
        });
        traffic.repeat(app.user(9), async |client, note, round| {
            note("GET current", &client.get("/v1/elected-office/current").await);
            let term = json!({"swornInDate": format!("2026-01-{:02}", 1 + round % 28)});
            note("PUT office", &client.put("/v1/elected-office/office-9", term).await);
        });
        traffic
    }

    fn repeat(
        &mut self,
        client: Client,
        round: impl AsyncFn(&Client, &dyn Fn(&'static str, &Response), usize) + 'static,
    ) {
        let (statuses, is_over) = (Arc::clone(&self.statuses), Arc::clone(&self.is_over));
        self.tasks.push(actix_web::rt::spawn(async move {
            let note = |route, answer: &Response| {
                let key = (route, answer.status.as_u16());
                *statuses.lock().unwrap().entry(key).or_default() += 1;
            };
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                round(&client, &note, number).await;
                number += 1;
            }
        }));
    }

    async fn stop(self) -> BTreeMap<(&'static str, u16), usize> {
        self.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        std::mem::take(&mut *self.statuses.lock().unwrap())
    }
}

/// User 7 with the campaign 11, staff user 8, user 9 with an office.
fn people(database: &TestDatabase) {
    for (id, roles) in [(7, "candidate"), (8, "admin"), (9, "candidate")] {
        fixtures::user(database, id, roles);
    }
    let details = json!({"office": "Clerk", "state": "MI"});
    fixtures::campaign(database, 11, 7, &details, Some(&json!({"winNumber": 5})));
    fixtures::campaign(database, 19, 9, &details, None);
    database.execute(
        "UPDATE campaign SET is_pro = true;
         INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('office-9', now(), 9, 19);
         SELECT setval('campaign_id_seq', 100)",
    );
}

/// In phase `legacy`, our writes are not marked as ours, so they are recorded as another service's.
fn once_changes_are_read(
    connection: &mut PgConnection,
    mut step: impl FnMut(&mut PgConnection) -> bool,
) {
    // The traffic goes on: a change may be recorded between the two at any time.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        repair(connection, false, false, &Stop::default(), &SystemClock).unwrap();
        if step(connection) {
            return;
        }
        assert!(Instant::now() < deadline, "recorded changes are left");
    }
}

/// A server with its own role answers with the usual statuses during all steps.
async fn assert_unnoticed(steps: fn(&mut PgConnection, &Options)) {
    let (database, servers) = with_servers();
    people(&database);
    let app = TestApp::as_role(database, &servers).await;
    let options = options(&app.database);
    let mut connection = app.database.connect();
    let traffic = Traffic::start(&app);
    actix_web::web::block(move || steps(&mut connection, &options)).await.unwrap();
    let statuses = traffic.stop().await;
    let expected = [
        ("DELETE campaign", 204),
        ("DELETE filter", 204),
        ("GET campaigns", 200),
        ("GET current", 200),
        ("GET filters", 200),
        ("GET mine", 200),
        ("GET readyz", 200),
        ("GET users/me", 200),
        ("POST campaigns", 201),
        ("POST filter", 201),
        ("PUT mine", 200),
        ("PUT office", 200),
        ("PUT users/me", 200),
    ];
    let seen: Vec<_> = statuses.keys().copied().collect();
    assert_eq!(seen, expected, "{statuses:?}");
}

#[actix_web::test]
async fn expanding_for_phase_1_and_undoing_it_changes_the_status_of_no_route() {
    assert_unnoticed(|connection, _| {
        expand(connection, Group::Phase1).unwrap();
        enter(connection, Phase::Legacy, Phase::One, &[]);
        let losses = ["offices-with-another-position", "second-campaigns"];
        enter(connection, Phase::One, Phase::Legacy, &losses);
        revert(connection, Group::Phase1).unwrap();
        expand(connection, Group::Phase1).unwrap();
    })
    .await;
}

#[actix_web::test]
async fn expanding_on_to_phase_2_changes_the_status_of_no_route() {
    assert_unnoticed(|connection, run| {
        expand(connection, Group::Phase1).unwrap();
        enter(connection, Phase::Legacy, Phase::One, &[]);
        expand(connection, Group::Phase1b).unwrap();
        run_positions(run, None, &mut Unobserved).unwrap();
        run_organizations(run, None, &mut Unobserved).unwrap();
        verify(connection).unwrap();
        enforce_phase_1(connection).unwrap();
        expand(connection, Group::Phase2).unwrap();
        run_voter_file_filters(run, &mut Unobserved).unwrap();
        enter_phase_2(connection);
    })
    .await;
}

/// Waits until every change of the old service is processed.
fn enter_phase_2(connection: &mut PgConnection) {
    let into_phase_2 = change(Phase::One, Phase::Two, &["shared-text", "inherited-district"]);
    once_changes_are_read(connection, |connection| {
        verify(connection).unwrap();
        phase::change(connection, &into_phase_2).is_ok()
    });
}

#[actix_web::test]
#[ignore = "ten seconds: every step of the path, there and back; `make chaos`"]
async fn chaos_no_step_of_the_schema_changes_the_status_of_a_route_forward_or_back() {
    assert_unnoticed(|connection, run| {
        for _ in 0..3 {
            expand(connection, Group::Phase1).unwrap();
            revert(connection, Group::Phase1).unwrap();
        }
        expand(connection, Group::Phase1).unwrap();
        enter(connection, Phase::Legacy, Phase::One, &[]);
        expand(connection, Group::Phase1b).unwrap();
        revert(connection, Group::Phase1b).unwrap();
        expand(connection, Group::Phase1b).unwrap();
        run_positions(run, None, &mut Unobserved).unwrap();
        run_organizations(run, None, &mut Unobserved).unwrap();
        verify(connection).unwrap();
        enforce_phase_1(connection).unwrap();
        expand(connection, Group::Phase2).unwrap();
        revert(connection, Group::Phase2).unwrap();
        expand(connection, Group::Phase2).unwrap();
        run_voter_file_filters(run, &mut Unobserved).unwrap();
        enter_phase_2(connection);
        verify(connection).unwrap();
        enforce_phase_2(connection).unwrap();
        undo_phase_2(connection).unwrap();
        enter(connection, Phase::Two, Phase::One, &["unverified"]);
        undo_phase_1(connection).unwrap();
        revert(connection, Group::Phase2).unwrap();
        enter(
            connection,
            Phase::One,
            Phase::Legacy,
            &["offices-with-another-position", "second-campaigns"],
        );
        revert(connection, Group::Phase1b).unwrap();
        revert(connection, Group::Phase1).unwrap();
    })
    .await;
}

#[test]
fn a_server_sees_what_is_added_only_together_with_its_rights() {
    let (database, servers) = with_servers();
    expand(&mut database.connect(), Group::Phase1).unwrap();
    assert_eq!(tables_that_a_role_may_not_read(&database, &servers), [json!(null); 0]);
    let more = database.row(&format!(
        "SELECT has_table_privilege('{servers}', 'organization', 'DELETE') AS organization,
                has_table_privilege('{servers}', 'migration_phase', 'UPDATE') AS phase,
                has_table_privilege('{servers}', 'backfill_run', 'SELECT') AS tool"
    ));
    assert_eq!(more, json!({"organization": false, "phase": false, "tool": false}));
}

#[test]
fn a_role_that_may_only_insert_campaigns_gets_nothing() {
    let database = TestDatabase::new();
    let inserting = database.role("inserting");
    database.execute(&format!("GRANT INSERT ON campaign TO {inserting}"));
    expand(&mut database.connect(), Group::Phase1).unwrap();
    assert_eq!(tables_that_a_role_may_not_read(&database, &inserting).len(), 5);
}

#[test]
fn members_get_their_rights_from_the_role_that_may_use_campaigns() {
    let (database, servers) = with_servers();
    let member = database.role("member");
    database.execute(&format!("GRANT {servers} TO {member}"));
    expand(&mut database.connect(), Group::Phase1).unwrap();
    assert_eq!(tables_that_a_role_may_not_read(&database, &member), [json!(null); 0]);
    let granted = database.row(&format!(
        "SELECT relacl::text LIKE '%{member}%' AS to_member FROM pg_class WHERE relname = 'organization'"
    ));
    assert_eq!(granted, json!({"to_member": false}));
}

#[test]
fn a_role_that_comes_later_is_named_by_the_gate_and_granted_by_the_next_run() {
    let database = TestDatabase::legacy_with_tables();
    let late = database.role("late");
    allow_rows(&database, &late);
    database.execute(&format!("REVOKE ALL ON migration_phase FROM {late}"));
    let mut connection = database.connect();
    let into_phase_1 = change(Phase::Legacy, Phase::One, &[]);
    match phase::change(&mut connection, &into_phase_1) {
        Err(PhaseError::NotReady { gates, .. }) => {
            let grant = format!("GRANT SELECT ON public.migration_phase TO {late}");
            assert!(gates.iter().any(|gate| gate.to_string().contains(&grant)), "{gates:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(expand(&mut connection, Group::Phase1).unwrap().is_empty(), "nothing was pending");
    phase::change(&mut connection, &into_phase_1).unwrap();
}

#[test]
fn a_migrator_that_may_not_grant_a_right_gets_the_statements_to_run() {
    let database = TestDatabase::legacy_with_tables();
    let (migrator, late) = (database.role("migrator"), database.role("late"));
    allow_rows(&database, &migrator);
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {migrator}"));
    database.execute(&format!("GRANT SELECT, INSERT, UPDATE ON campaign TO {late}"));
    let refused = expand(&mut database.connect_as(&migrator), Group::Phase1);
    match refused {
        Err(MigrateError::Rights { statements }) => {
            let grant = format!("GRANT SELECT ON public.migration_phase TO {late}");
            assert!(statements.contains(&grant), "{statements:?}");
            for statement in statements {
                database.execute(&statement);
            }
        }
        other => panic!("{other:?}"),
    }
    expand(&mut database.connect_as(&migrator), Group::Phase1).unwrap();
}

/// The statements that the role may run are skipped too: otherwise a server would lose a right before it gets its
/// own.
#[test]
fn a_migrator_that_may_not_set_up_functions_gets_all_statements_grants_first_and_changes_nothing() {
    let database = TestDatabase::with_clerk_outbox(Phase::One);
    let (migrator, servers) = (database.role("migrator"), database.server_role());
    allow_rows(&database, &migrator);
    database.execute_unmapped(&format!(
        "GRANT CREATE ON SCHEMA public TO {migrator};
         REVOKE EXECUTE ON FUNCTION clerk_outbox_note FROM {servers}, {migrator};
         GRANT EXECUTE ON FUNCTION clerk_outbox_note TO PUBLIC;
         REVOKE SELECT ON clerk_budget FROM {servers};
         ALTER TABLE clerk_budget OWNER TO {migrator}"
    ));
    let rights = || {
        database.rows(
            "SELECT relname AS name, relacl::text AS rights FROM pg_class WHERE relname = 'clerk_budget'
             UNION ALL SELECT proname, proacl::text FROM pg_proc WHERE proname = 'clerk_outbox_note'",
        )
    };
    let before = rights();
    let statements = match expand(&mut database.connect_as(&migrator), Group::Phase1) {
        Err(MigrateError::Rights { statements }) => statements,
        other => panic!("{other:?}"),
    };
    assert_eq!(rights(), before);
    let place = |wanted: &str| {
        let found = statements.iter().position(|it| it.starts_with(wanted));
        found.unwrap_or_else(|| panic!("no {wanted} in {statements:?}"))
    };
    let grant = place("GRANT EXECUTE ON FUNCTION public.clerk_outbox_note");
    let revoke = place("REVOKE EXECUTE ON FUNCTION public.clerk_outbox_note");
    assert!(grant < revoke, "{statements:?}");
    place("GRANT SELECT ON public.clerk_budget");
    for statement in &statements {
        database.execute_unmapped(statement);
    }
    expand(&mut database.connect_as(&migrator), Group::Phase1).unwrap();
    let may_call = database.row(&format!(
        "SELECT has_function_privilege('{servers}', 'clerk_outbox_note(uuid[])', 'EXECUTE') AS servers,
                has_function_privilege('public', 'clerk_outbox_note(uuid[])', 'EXECUTE') AS everybody"
    ));
    assert_eq!(may_call, json!({"servers": true, "everybody": false}));
}

#[test]
fn a_function_of_others_that_is_called_as_one_of_ours_is_left_alone() {
    let database = TestDatabase::legacy_with_tables();
    let (migrator, stranger) = (database.role("migrator"), database.role("stranger"));
    allow_rows(&database, &migrator);
    database.execute_unmapped(&format!(
        "GRANT CREATE ON SCHEMA public TO {migrator};
         CREATE FUNCTION campaign_complete(integer) RETURNS integer LANGUAGE sql SECURITY DEFINER
             AS 'SELECT 1';
         ALTER FUNCTION campaign_complete(integer) OWNER TO {stranger}"
    ));
    // Grants to the migrator, which got `campaign` after the tables were created.
    expand(&mut database.connect(), Group::Phase1).unwrap();
    assert!(expand(&mut database.connect_as(&migrator), Group::Phase1).unwrap().is_empty());
    let theirs = database.row(
        "SELECT proconfig, proacl FROM pg_proc WHERE proname = 'campaign_complete' AND pronargs = 1",
    );
    assert_eq!(theirs, json!({"proconfig": null, "proacl": null}));
}

/// The heartbeat of a serving process, which no route needs.
#[actix_web::test]
async fn a_server_says_that_it_lives() {
    let database = TestDatabase::in_phase(Phase::Two);
    let url = database.url_as(&database.server_role());
    let phases = Arc::new(Phases::new(None));
    let options = DbOptions::new("winserve-test", 1);
    let db = Db::connect(&url, &options, Arc::<Phases>::clone(&phases)).unwrap();
    let heartbeats = Heartbeats::new(&db, &phases).unwrap();
    let process = Uuid::now_v7();
    heartbeats.beat(Heartbeat { process, build: "1", unnamed_requests: 0 }).await.unwrap();
    heartbeats.stop(process).await.unwrap();
    let row =
        database.row("SELECT phase, stopped_at IS NOT NULL AS is_over FROM process_heartbeat");
    assert_eq!(row, json!({"phase": "phase-2", "is_over": true}));
}
