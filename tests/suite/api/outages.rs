//! Temporary database faults are not reported as our bugs, and end when the database recovers.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use serde_json::json;
use winserve_testkit::Phase;
use winserve_testkit::{Client, Response, TestApp, TestDatabase};

use crate::{binaries::wait_for_blocked_statements, fixtures};

const MINE: &str = "/v1/campaigns/mine";

async fn app() -> TestApp {
    let app = TestApp::new(Phase::One).await;
    fixtures::user(&app.database, 7, "candidate");
    fixtures::campaign(&app.database, 11, 7, &json!({}), None);
    assert_eq!(write(&app.user(7)).await.status, 200);
    app
}

async fn write(client: &Client) -> Response {
    client.put(MINE, json!({"details": {"zip": "49286"}})).await
}

fn assert_unavailable(response: &Response) {
    response.assert_error(
        503,
        "Service Unavailable",
        "unavailable",
        "The service is temporarily unavailable",
    );
    let seconds = response.headers["retry-after"].to_str().unwrap();
    assert!(seconds.parse::<u64>().unwrap() > 0, "{seconds}");
}

/// Waits until writes resume and `readyz` says so. Until then, every answer is `unavailable`.
async fn wait_until_it_writes(app: &TestApp) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let written = write(&app.user(7)).await;
        let ready = app.anonymous().get("/readyz").await;
        if written.status == 200 && ready.status == 200 {
            return;
        }
        for response in [written, ready].iter().filter(|it| it.status != 200) {
            assert_unavailable(response);
        }
        assert!(Instant::now() < deadline, "writes do not resume");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn a_full_disk_is_unavailable_until_there_is_room() {
    let app = app().await;
    app.database.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             RAISE EXCEPTION 'could not extend file \"base/16384/16450\": No space left on device'
                 USING ERRCODE = '53100', HINT = 'Check free disk space.';
         END $$;
         CREATE TRIGGER no_room BEFORE UPDATE ON campaign FOR EACH ROW EXECUTE FUNCTION no_room()",
    );
    assert_unavailable(&write(&app.user(7)).await);
    assert_eq!(app.user(7).get(MINE).await.status, 200, "what is stored can be read");
    assert_unavailable(&app.anonymous().get("/readyz").await);
    app.database.execute("DROP TRIGGER no_room ON campaign; DROP FUNCTION no_room()");
    wait_until_it_writes(&app).await;
}

/// The server recognizes faults by their English messages. Not every machine has a German locale, so a function
/// first in the role's search path simulates a server set to German.
#[actix_web::test]
async fn a_server_with_german_messages_is_not_used_and_the_fix_is_reported() {
    let database = TestDatabase::in_phase(Phase::One);
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let role = database.server_role();
    database.execute_unmapped(&format!(
        "CREATE SCHEMA german;
         GRANT USAGE ON SCHEMA german TO {role};
         CREATE FUNCTION german.current_setting(name text) RETURNS text LANGUAGE sql AS $$
             SELECT CASE name WHEN 'lc_messages' THEN 'de_DE.UTF-8' ELSE pg_catalog.current_setting(name) END
         $$;
         ALTER ROLE {role} SET search_path = german, pg_catalog, public"
    ));
    let refused = winserve_persistence::connect(&database.url_as(&role), "test").err().unwrap();
    let refused = format!("{refused:?}");
    assert!(refused.contains(&format!("ALTER ROLE {role} SET lc_messages = 'C'")), "{refused}");
    let app = TestApp::as_role(database, &role).await;
    assert_unavailable(&app.anonymous().get("/readyz").await);
    assert_unavailable(&write(&app.user(7)).await);
    app.database.execute_unmapped(&format!("ALTER ROLE {role} RESET search_path"));
    wait_until_it_writes(&app).await;
}

#[actix_web::test]
#[ignore = "takes ten seconds: make chaos"]
async fn chaos_a_disk_that_stays_full_does_not_become_ready_by_waiting() {
    let app = app().await;
    app.database.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             RAISE EXCEPTION 'could not extend file \"base/16384/16450\": No space left on device'
                 USING ERRCODE = '53100';
         END $$;
         CREATE TRIGGER no_room BEFORE UPDATE ON campaign FOR EACH ROW EXECUTE FUNCTION no_room();
         CREATE FUNCTION no_table() RETURNS event_trigger LANGUAGE plpgsql AS $$
         BEGIN
             RAISE EXCEPTION 'could not extend file \"base/16384/16451\": No space left on device'
                 USING ERRCODE = '53100';
         END $$;
         CREATE EVENT TRIGGER no_table ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS')
             EXECUTE FUNCTION no_table()",
    );
    assert_unavailable(&write(&app.user(7)).await);
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(8) {
        assert_unavailable(&app.anonymous().get("/readyz").await);
        actix_web::rt::time::sleep(Duration::from_millis(200)).await;
    }
    app.database.execute("DROP EVENT TRIGGER no_table; DROP TRIGGER no_room ON campaign");
    wait_until_it_writes(&app).await;
}

#[actix_web::test]
async fn a_text_that_sounds_like_a_full_disk_does_not_make_the_server_unready() {
    let app = app().await;
    app.database.execute(
        "CREATE FUNCTION quote_it() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'not allowed: %', NEW.details->>'zip'; END $$;
         CREATE TRIGGER quote_it BEFORE UPDATE ON campaign FOR EACH ROW EXECUTE FUNCTION quote_it()",
    );
    let zip = json!({"details": {"zip": "could not x: No space left on device"}});
    assert_eq!(app.user(7).put(MINE, zip).await.status, 500);
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);
}

#[actix_web::test]
async fn after_a_failover_to_a_read_only_server_and_back_writes_resume() {
    let app = app().await;
    let mut admin = app.database.connect();
    // New sessions cannot write, as on a standby, and report it; the old ones end.
    admin
        .batch_execute(
            "CREATE FUNCTION standby() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF pg_catalog.current_setting('test.standby', true) = 'on' THEN
                     RAISE 'cannot execute % in a read-only transaction', TG_OP USING ERRCODE = '25006';
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER standby BEFORE UPDATE ON campaign EXECUTE FUNCTION standby();
             CREATE SCHEMA standby;
             CREATE FUNCTION standby.current_setting(name text) RETURNS text LANGUAGE sql AS $$
                 SELECT CASE name WHEN 'transaction_read_only'
                     THEN coalesce(pg_catalog.current_setting('test.standby', true), 'off')
                     ELSE pg_catalog.current_setting(name) END
             $$;
             DO $$ BEGIN
                 EXECUTE format('ALTER DATABASE %I SET search_path = standby, pg_catalog, public',
                                current_database());
                 EXECUTE format('ALTER DATABASE %I SET test.standby = on', current_database());
             END $$;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'winserve-test' AND datname = current_database()",
        )
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while app.user(7).get(MINE).await.status != 200 {
        assert!(Instant::now() < deadline, "reads do not resume");
    }
    for _ in 0..3 {
        assert_unavailable(&write(&app.user(7)).await);
        assert_unavailable(&app.anonymous().get("/readyz").await);
    }
    assert_eq!(app.user(7).get(MINE).await.status, 200, "what is stored can be read");
    // The sessions of the server that could not write still exist.
    admin
        .batch_execute(
            "DO $$ BEGIN
                 EXECUTE format('ALTER DATABASE %I RESET test.standby', current_database());
             END $$",
        )
        .unwrap();
    wait_until_it_writes(&app).await;
}

#[actix_web::test]
async fn readiness_waits_neither_for_a_locked_table_nor_for_a_free_connection() {
    let app = app().await;
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);
    let mut holder = app.database.connect();
    holder
        .batch_execute(r#"BEGIN; LOCK "user", campaign, migration_phase IN ACCESS EXCLUSIVE MODE"#)
        .unwrap();
    // More than the pool has connections.
    let client = app.user(7);
    let requests: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            actix_web::rt::spawn(async move { client.get(MINE).await.status })
        })
        .collect();
    wait_for_blocked_statements(&app.database, 4).await;
    let ready = app.anonymous().get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["phase"]), (200, &json!("phase-1")));
    let probes: Vec<_> = (0..100)
        .map(|_| {
            let client = app.anonymous();
            actix_web::rt::spawn(async move { client.get("/readyz").await.status })
        })
        .collect();
    for probe in probes {
        assert_eq!(probe.await.unwrap(), 200, "parallel probes share an answer");
    }
    assert!(requests.iter().all(|it| !it.is_finished()), "these still wait");
    holder.batch_execute("COMMIT").unwrap();
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
}
