//! The migrator owns the tables, and the servers are another role, which may read and write rows only.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;
use winserve_backfill::{
    Stop, Unobserved, repair, run_organizations, run_positions, run_voter_file_filters, verify,
};
use winserve_domain::{clock::SystemClock, phase::Phase};
use winserve_persistence::{
    PgConnection,
    backfill::{enforce_phase_1, enforce_phase_2, undo_phase_1, undo_phase_2},
    migrate::{Group, MigrateError, expand, revert},
    phase::{self, PhaseChange, PhaseError},
};
use winserve_testkit::{Client, Response, TestApp, TestDatabase};

use crate::{
    backfill_run::options,
    fixtures::{self, MAYOR},
};

/// Legacy tables with a role as a deployment gives it to its servers.
fn with_servers() -> (TestDatabase, String) {
    let database = TestDatabase::new();
    let servers = database.role("servers");
    allow_rows(&database, &servers);
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

/// How often each route answered with which status.
type Statuses = Arc<Mutex<BTreeMap<(&'static str, u16), usize>>>;

/// Users who go on reading and writing until they are told to stop.
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

/// User 7 with the campaign 11, user 8 of the staff, user 9 with an office.
fn people(database: &TestDatabase) {
    for (id, roles) in [(7, "candidate"), (8, "admin"), (9, "candidate")] {
        fixtures::user(database, id, roles);
    }
    let details = json!({"office": "Clerk", "state": "MI"});
    fixtures::campaign(database, 11, 7, &details, Some(&json!({"winNumber": 5})));
    fixtures::campaign(database, 19, 9, &details, None);
    database.execute(
        "UPDATE campaign SET is_pro = true;
         INSERT INTO elected_office (id, updated_at, user_id, campaign_id) VALUES ('office-9', now(), 9, 19)",
    );
}

/// A transaction that began before `phase-2-expand` could not declare itself ours, and is noted as
/// another service's; there are few of them.
fn once_changes_are_read(
    connection: &mut PgConnection,
    mut step: impl FnMut(&mut PgConnection) -> bool,
) {
    for _ in 0..3 {
        repair(connection, false, false, &Stop::default(), &SystemClock).unwrap();
        if step(connection) {
            return;
        }
    }
    panic!("changes are noted still");
}

#[actix_web::test]
async fn no_step_of_the_schema_changes_the_status_of_a_route_forward_or_back() {
    let (database, servers) = with_servers();
    people(&database);
    let app = TestApp::as_role(database, &servers).await;
    let (url, run) = (app.database.url(), options(&app.database));
    let traffic = Traffic::start(&app);
    let steps = move || {
        let mut connection = winserve_persistence::connect(&url, "test").unwrap();
        let connection = &mut connection;
        for _ in 0..3 {
            expand(connection, Group::Phase1).unwrap();
            revert(connection, Group::Phase1).unwrap();
        }
        expand(connection, Group::Phase1).unwrap();
        enter(connection, Phase::Legacy, Phase::One, &[]);
        expand(connection, Group::Phase1b).unwrap();
        revert(connection, Group::Phase1b).unwrap();
        expand(connection, Group::Phase1b).unwrap();
        run_positions(&run, None, &mut Unobserved).unwrap();
        run_organizations(&run, None, &mut Unobserved).unwrap();
        verify(connection).unwrap();
        enforce_phase_1(connection).unwrap();
        expand(connection, Group::Phase2).unwrap();
        once_changes_are_read(connection, |connection| revert(connection, Group::Phase2).is_ok());
        expand(connection, Group::Phase2).unwrap();
        run_voter_file_filters(&run, &mut Unobserved).unwrap();
        let into_phase_2 = change(Phase::One, Phase::Two, &["shared-text", "inherited-district"]);
        once_changes_are_read(connection, |connection| {
            verify(connection).unwrap();
            phase::change(connection, &into_phase_2).is_ok()
        });
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
    };
    actix_web::web::block(steps).await.unwrap();
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
    app.database.expect_damage();
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
        Err(PhaseError::NotReady { gates }) => {
            let grant = format!("GRANT SELECT ON public.migration_phase TO {late}");
            assert!(gates.iter().any(|gate| gate.contains(&grant)), "{gates:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(expand(&mut connection, Group::Phase1).unwrap().is_empty(), "nothing was pending");
    phase::change(&mut connection, &into_phase_1).unwrap();
}

#[test]
fn a_migrator_that_may_not_grant_what_is_needed_is_told_what_to_run() {
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
