//! PgBouncer before the database: `api` works behind it and leaves nothing in its sessions (docs/postgresql.md).

use std::{collections::BTreeSet, path::Path, time::Duration};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection as _,
    sql_types::{Integer, Text},
};
use serde_json::json;
use winserve_domain::database::Access;
use winserve_testkit::Phase;
use winserve_testkit::{Custom, Pooler, TestApp, TestDatabase};

use super::session_defaults::{LIMITS, defaults, differing, set_defaults};
use crate::{
    binaries::{Running, api, free_port, output, token_of, wait_until_ready},
    fixtures::{self, MAYOR},
};

const USERS: i32 = 6;
/// Fewer sessions than client connections.
pub(crate) const SHARED: &str = "pool_mode = transaction\ndefault_pool_size = 2";

pub(crate) fn through(pooler: &Pooler, database: &TestDatabase) -> Custom {
    Custom { url: Some(pooler.url(&database.url())), ..Custom::default() }
}

/// Configurations of PgBouncer: it refuses startup options, or drops them. A newer one may support prepared
/// statements.
pub(crate) fn setups(program: &Path) -> Vec<String> {
    let forgetting = format!("{SHARED}\nignore_startup_parameters = options");
    let version = output(std::process::Command::new(program).arg("--version")).1;
    let version = version.split_whitespace().nth(1).unwrap_or_default();
    let minor = version.split('.').nth(1).and_then(|it| it.parse::<u32>().ok());
    let keeping = (minor.unwrap_or_default() >= 21)
        .then(|| format!("{SHARED}\nmax_prepared_statements = 100"));
    [SHARED.to_owned(), forgetting].into_iter().chain(keeping).collect()
}

/// Clients of other services find nothing of ours in the pooler's sessions: no settings, locks, prepared statements
/// or temporary objects.
pub(crate) fn assert_nothing_is_left(pooler: &Pooler, database: &TestDatabase) {
    #[derive(QueryableByName)]
    struct Session {
        #[diesel(sql_type = Integer)]
        process: i32,
        #[diesel(sql_type = Text)]
        left: String,
    }
    // PgBouncer itself restores some settings for each client.
    let left = "SELECT pg_backend_pid() AS process, jsonb_strip_nulls(jsonb_build_object(
        'settings', (SELECT jsonb_object_agg(name, setting) FROM pg_settings WHERE source IN ('session', 'client')
            AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone',
                             'IntervalStyle', 'standard_conforming_strings')),
        'own_setting', current_setting('winserve.session', true),
        'locks', (SELECT jsonb_agg(locktype) FROM pg_locks WHERE pid = pg_backend_pid()
            AND locktype IN ('advisory', 'tuple')),
        'statements', (SELECT jsonb_agg(statement) FROM pg_prepared_statements),
        'tables', (SELECT jsonb_agg(relname) FROM pg_class
            WHERE relpersistence = 't' AND relnamespace = pg_my_temp_schema())))::text AS left";
    let url = pooler.url(&database.url());
    let mut clients: Vec<_> = (0..2).map(|_| PgConnection::establish(&url).unwrap()).collect();
    let sessions: Vec<Session> = clients
        .iter_mut()
        .map(|client| {
            // Occupies the session, so that the next client gets the other one.
            client.batch_execute("BEGIN").unwrap();
            diesel::sql_query(left).get_result(client).unwrap()
        })
        .collect();
    assert_ne!(sessions[0].process, sessions[1].process);
    for session in sessions {
        assert_eq!(session.left, "{}");
    }
    for client in &mut clients {
        client.batch_execute("ROLLBACK").unwrap();
    }
}

#[actix_web::test]
async fn two_servers_behind_a_pooler_answer_every_request_and_leave_nothing_in_its_sessions() {
    for program in Pooler::programs() {
        for setup in setups(&program) {
            let database = TestDatabase::in_phase(Phase::One);
            for id in 1..=USERS {
                fixtures::user(&database, id, "candidate");
                fixtures::campaign(&database, id, id, &json!({}), None);
            }
            let pooler = Pooler::start(&program, &database.url(), &setup);
            let custom = through(&pooler, &database);
            let first = TestApp::custom_on(database, custom.clone()).await;
            let stand_in = TestDatabase::in_phase(Phase::One);
            let second = TestApp::custom_on(stand_in, custom).await;
            let requests: Vec<_> = (0..200)
                .map(|number| {
                    let app = if number % 2 == 0 { &first } else { &second };
                    let client = app.user(number % USERS + 1);
                    actix_web::rt::spawn(async move {
                        let answer = match number % 4 {
                            0 => client.get("/v1/organizations").await,
                            1 => client.get("/v1/campaigns/mine").await,
                            2 => {
                                let zip = json!({"details": {"zip": number.to_string()}});
                                client.put("/v1/campaigns/mine", zip).await
                            }
                            _ => client.get("/readyz").await,
                        };
                        answer.status.as_u16()
                    })
                })
                .collect();
            let mut answers = BTreeSet::new();
            for request in requests {
                answers.insert(request.await.unwrap());
            }
            assert_eq!(answers, BTreeSet::from([200]), "{setup} of {}", program.display());
            assert_nothing_is_left(&pooler, &first.database);
            let named = "SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE 'winserve%'";
            assert!(first.database.rows(named).is_empty(), "no session is mistaken for a server");
        }
    }
}

#[actix_web::test]
async fn every_transaction_behind_a_pooler_has_the_settings_that_it_needs() {
    let program = Pooler::programs().remove(0);
    let database = TestDatabase::in_phase(Phase::Two);
    let mut admin = database.connect();
    let defaults = defaults(&database);
    let name = set_defaults(&mut admin, &database, &defaults);
    let pooler = Pooler::start(&program, &database.url(), SHARED);
    let custom = through(&pooler, &database);
    let app = TestApp::custom_on(database, custom).await;
    // Each transaction sets its own options, because the session belongs to the pooler.
    let session = [
        "default_transaction_isolation",
        "default_transaction_read_only",
        "default_transaction_deferrable",
        "idle_session_timeout",
    ];
    let except: Vec<_> = session.into_iter().chain(LIMITS.map(|(name, _)| name)).collect();
    for (access, is_read_only) in [(Access::Read, "on"), (Access::Write, "off")] {
        let found = app.settings(access).await;
        assert_eq!(differing(&found, &defaults, &except), [], "{access:?}");
        let own = [
            ("transaction_isolation", "read committed"),
            ("transaction_read_only", is_read_only),
            ("transaction_deferrable", "off"),
        ];
        for (name, wanted) in LIMITS.into_iter().chain(own) {
            assert_eq!(found[name], wanted, "{access:?}: {name}");
        }
    }
    admin.batch_execute(&format!("ALTER DATABASE {name} RESET ALL")).unwrap();
}

#[actix_web::test]
async fn behind_a_pooler_that_forbids_transactions_nothing_is_served() {
    for program in Pooler::programs() {
        let database = TestDatabase::in_phase(Phase::One);
        fixtures::user(&database, 7, "candidate");
        let pooler = Pooler::start(&program, &database.url(), "pool_mode = statement");
        let custom = through(&pooler, &database);
        let app = TestApp::custom_on(database, custom).await;
        for path in ["/readyz", "/v1/organizations"] {
            assert_eq!(app.user(7).get(path).await.status, 503, "{path}");
        }
    }
}

#[actix_web::test]
async fn a_request_that_the_pooler_rejects_gets_503_with_retry_after() {
    for program in Pooler::programs() {
        let database = TestDatabase::in_phase(Phase::One);
        fixtures::user(&database, 7, "candidate");
        fixtures::campaign(&database, 11, 7, &json!({}), None);
        let one = "pool_mode = transaction\ndefault_pool_size = 1\nquery_wait_timeout = 1";
        let pooler = Pooler::start(&program, &database.url(), one);
        let custom = through(&pooler, &database);
        let app = TestApp::custom_on(database, custom).await;
        assert_eq!(app.user(7).get("/v1/campaigns/mine").await.status, 200);
        let mut other = PgConnection::establish(&pooler.url(&app.database.url())).unwrap();
        other.batch_execute("BEGIN; SELECT 1").unwrap();
        assert_eq!(app.user(7).get("/v1/campaigns/mine").await.status, 503);
        other.batch_execute("COMMIT").unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while app.user(7).get("/v1/campaigns/mine").await.status != 200 {
            assert!(std::time::Instant::now() < deadline, "requests do not resume");
        }
    }
}

#[actix_web::test]
async fn the_binary_serves_behind_a_pooler_and_says_goodbye() {
    let database = TestDatabase::in_phase(Phase::Two);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let program = Pooler::programs().remove(0);
    let pooler = Pooler::start(&program, &database.url(), SHARED);
    let bind = format!("127.0.0.1:{}", free_port());
    let mut command = api(&database, &bind);
    command.env("WINSERVE__DATABASE__URL", pooler.url(&database.url()));
    let running = Running(command.spawn().unwrap());
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let put = winserve_testkit::http_client()
        .put(format!("{base}/v1/campaigns/mine"))
        .bearer_auth(token_of(7))
        .json(
            &json!({"details": {"positionId": MAYOR, "office": "Other", "otherOffice": "Mayor"}}),
        );
    assert_eq!(put.send().await.unwrap().status(), 200);
    let alive = "SELECT FROM process_heartbeat WHERE stopped_at IS NULL";
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while database.rows(alive).is_empty() {
        assert!(std::time::Instant::now() < deadline, "no heartbeat");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(running.terminate(), Some(0));
    assert!(database.rows(alive).is_empty());
}
