//! Requests after the client disconnects or the database cancels the statement: what keeps running, and what the
//! client gets.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use actix_web::rt::{spawn, time::sleep};
use diesel::connection::SimpleConnection as _;
use reqwest::Method;
use serde_json::{Value, json};
use winserve_testkit::Phase;
use winserve_testkit::{Client, Custom, TestApp};

use crate::{binaries::wait_for_blocked_statements, fixtures};

const MINE: &str = "/v1/campaigns/mine";
const BLOCKED: &str = "SELECT FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()";

/// Users 7, 8 and 9 with a campaign each, on a pool with this many connections.
async fn app(connections: u32) -> TestApp {
    let app = TestApp::custom(Phase::One, Custom { connections, ..Custom::default() }).await;
    for user in 7..10 {
        fixtures::user(&app.database, user, "candidate");
        fixtures::campaign(&app.database, user, user, &json!({}), None);
        assert_eq!(write(&app.user(user), "49286").await, 200);
    }
    app
}

/// The status of a write, without the test client's checks.
fn write(client: &Client, zip: &str) -> impl Future<Output = u16> + use<> {
    let body = json!({"details": {"zip": zip}});
    let sent = client.request(Method::PUT, MINE).json(&body).send();
    async { sent.await.unwrap().status().as_u16() }
}

#[actix_web::test]
async fn the_statement_of_a_client_that_disconnects_is_cancelled_on_the_server() {
    let app = app(1).await;
    for (method, lock) in [
        (Method::PUT, "SELECT FROM campaign WHERE id = 7 FOR UPDATE"),
        (Method::GET, "LOCK TABLE campaign IN ACCESS EXCLUSIVE MODE"),
    ] {
        let mut locking = app.database.connect();
        locking.batch_execute(&format!("BEGIN; {lock}")).unwrap();
        let request = app.user(7).request(method.clone(), MINE);
        let body = json!({"details": {"zip": "00000"}});
        let asking = spawn(request.json(&body).send());
        wait_for_blocked_statements(&app.database, 1).await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        // Without cancellation, the statement would release its lock after five seconds.
        let deadline = Instant::now() + Duration::from_secs(3);
        while !app.database.rows(BLOCKED).is_empty() {
            assert!(Instant::now() < deadline, "{method}: the statement still waits");
            sleep(Duration::from_millis(10)).await;
        }
        locking.batch_execute("COMMIT").unwrap();
        let found = app.user(7).get(MINE).await;
        assert_eq!(found.status, 200, "the only connection serves the next one");
        assert_eq!(found.json()["details"]["zip"], "49286", "nothing was written");
    }
}

#[actix_web::test]
async fn two_hundred_clients_that_disconnect_cancel_nothing_of_their_neighbors() {
    let app = app(3).await;
    // Long enough for a misdirected cancellation to hit it.
    app.database.execute(
        "CREATE FUNCTION takes_its_time() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END $$;
         CREATE TRIGGER takes_its_time BEFORE UPDATE ON campaign FOR EACH ROW
             EXECUTE FUNCTION takes_its_time()",
    );
    let neighbours: Vec<_> = [7, 8]
        .map(|user| {
            let client = app.user(user);
            spawn(async move {
                let mut statuses = Vec::new();
                for _ in 0..150 {
                    statuses.push(write(&client, "49286").await);
                }
                statuses
            })
        })
        .into();
    for number in 0..200 {
        let asking = spawn(write(&app.user(9), "00000"));
        sleep(Duration::from_millis(number % 12)).await;
        asking.abort();
    }
    for neighbour in neighbours {
        assert_eq!(neighbour.await.unwrap(), vec![200; 150]);
    }
    assert_eq!(write(&app.user(9), "49286").await, 200);
}

#[actix_web::test]
async fn a_statement_that_the_database_cancels_is_not_an_outage() {
    let app = app(1).await;
    for (message, status, reason, code, sentence) in [
        (
            "canceling statement due to statement timeout",
            504,
            "Gateway Timeout",
            "database-timeout",
            "The database took too long for this request: try again in a moment, or request less data",
        ),
        (
            "canceling statement due to user request",
            503,
            "Service Unavailable",
            "database-cancelled",
            "An operator cancelled this request on the database: try again",
        ),
    ] {
        app.database.execute(&format!(
            "CREATE OR REPLACE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '57014'; END $$;
             CREATE OR REPLACE TRIGGER ends BEFORE UPDATE ON campaign FOR EACH ROW
                 EXECUTE FUNCTION ends()"
        ));
        let refused = app.user(7).put(MINE, json!({"details": {"zip": "1"}})).await;
        refused.assert_error(status, reason, code, sentence);
        assert!(refused.headers.contains_key("retry-after"), "{code}");
    }
    // An operator cancels the waiting statement.
    app.database.execute("DROP TRIGGER ends ON campaign");
    let mut locking = app.database.connect();
    locking.batch_execute("BEGIN; SELECT FROM campaign WHERE id = 7 FOR UPDATE").unwrap();
    let client = app.user(7);
    let asking = spawn(async move { client.put(MINE, json!({"details": {"zip": "1"}})).await });
    wait_for_blocked_statements(&app.database, 1).await;
    app.database.execute(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND datname = current_database()",
    );
    let refused = asking.await.unwrap();
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (503, &Value::from("database-cancelled"))
    );
    locking.batch_execute("COMMIT").unwrap();
    assert_eq!(write(&app.user(7), "49286").await, 200);
}
