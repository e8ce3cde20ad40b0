//! `api`.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_domain::phase::Phase;
use winserve_persistence::migrate::{Group, expand};
use winserve_testkit::TestDatabase;

use super::{
    Running, binary, free_port, output, token, wait_for_a_blocked_statement, wait_until_ready,
};
use crate::fixtures;

#[test]
fn api_without_a_secret_says_which_variable_is_missing() {
    let (code, _, stderr) =
        output(binary("api").env("WINSERVE__DATABASE__URL", "postgresql:///nowhere"));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("WINSERVE__AUTH__LEGACY_SECRET"), "{stderr}");
}

#[test]
fn a_misspelt_variable_stops_every_binary_and_is_named() {
    for name in ["api", "backfill", "demo"] {
        let mut command = binary(name);
        if name == "backfill" {
            command.arg("status");
        }
        let (code, _, stderr) = output(command.env("WINSERVE__SERVER__BNID", "x"));
        assert_ne!(code, Some(0), "{name}");
        assert!(stderr.contains("`bnid`"), "{name}: {stderr}");
    }
}

#[test]
fn print_config_shows_what_is_set_and_no_secret() {
    let (code, stdout, _) = output(
        binary("api")
            .arg("--print-config")
            .env("WINSERVE__AUTH__LEGACY_SECRET", "s3cret")
            .env("WINSERVE__DATABASE__URL", "postgresql://me:s3cret@host/db")
            .env("WINSERVE__SERVER__CORS_ORIGINS", "http://a,http://b"),
    );
    assert_eq!(code, Some(0));
    assert!(stdout.contains("http://b") && stdout.contains("[redacted]"), "{stdout}");
    assert!(!stdout.contains("s3cret"), "{stdout}");
}

#[actix_web::test]
async fn sigterm_lets_a_request_under_way_finish() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let bind = format!("127.0.0.1:{}", free_port());
    let api = super::api(&database, &bind).stderr(Stdio::null()).spawn().map(Running).unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;

    // The campaign is locked, so that the request waits in the database.
    let mut holder = database.connect();
    holder.batch_execute("BEGIN; SELECT FROM campaign FOR UPDATE").unwrap();
    let token = token();
    let request = winserve_testkit::http_client()
        .put(format!("{base}/v1/campaigns/mine"))
        .bearer_auth(token)
        .json(&json!({"details": {"zip": "1"}}))
        .send();
    let request = actix_web::rt::spawn(request);
    wait_for_a_blocked_statement(&database).await;
    let stopping = std::thread::spawn(move || api.terminate());
    actix_web::rt::time::sleep(Duration::from_millis(200)).await;
    holder.batch_execute("COMMIT").unwrap();

    assert_eq!(request.await.unwrap().unwrap().status(), 200);
    assert_eq!(stopping.join().unwrap(), Some(0));
    assert_eq!(database.row("SELECT details FROM campaign")["details"], json!({"zip": "1"}));
}

#[actix_web::test]
async fn a_json_log_has_a_line_a_request_and_nothing_of_the_person() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let bind = format!("127.0.0.1:{}", free_port());
    let mut api = super::api(&database, &bind)
        .env("WINSERVE__LOG__FORMAT", "json")
        .env("WINSERVE__LOG__FILTER", "debug")
        .stderr(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    let mut stderr = api.0.stderr.take().unwrap();
    let reading = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap());
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let token = token();
    let client = winserve_testkit::http_client();
    let me = client.get(format!("{base}/v1/users/me?who=someone")).bearer_auth(&token);
    assert_eq!(me.send().await.unwrap().status(), 200);
    let bad = client.put(format!("{base}/v1/users/me")).bearer_auth(&token).body("private words");
    assert!(bad.send().await.unwrap().status().is_client_error());
    api.terminate();
    let log = reading.join().unwrap();
    for secret in [token.as_str(), "test secret", "user7@example.org", "private words", "someone"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = lines.iter().find(|line| line["route"] == "/v1/users/me").unwrap();
    assert_eq!((&answered["status"], &answered["user.id"]), (&json!(200), &json!(7)));
    assert!(answered["span"]["request.id"].is_string(), "{answered}");
}

#[actix_web::test]
async fn a_server_says_that_it_lives_which_phase_it_sees_and_that_it_ends() {
    let database = TestDatabase::in_phase(Phase::One);
    expand(&mut database.connect(), Group::Phase2).unwrap();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    fixtures::campaign(&database, 12, 7, &json!({}), None);
    let bind = format!("127.0.0.1:{}", free_port());
    let api = super::api(&database, &bind).stderr(Stdio::null()).spawn().map(Running).unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let unnamed = winserve_testkit::http_client()
        .get(format!("{base}/v1/voters/voter-file/filters"))
        .bearer_auth(token());
    assert_eq!(unnamed.send().await.unwrap().status(), 200);
    let heartbeat = "SELECT build, phase, is_pinned, knows, unnamed_requests, unnamed_at IS NOT NULL AS had_some,
                         stopped_at IS NOT NULL AS has_stopped FROM process_heartbeat";
    let deadline = Instant::now() + Duration::from_secs(20);
    while database.rows(heartbeat).first().is_none_or(|it| it["unnamed_requests"] != 1) {
        assert!(Instant::now() < deadline, "{:?}", database.rows(heartbeat));
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    let mut expected = json!({
        "build": env!("CARGO_PKG_VERSION"), "phase": "phase-1", "is_pinned": false,
        "knows": ["legacy", "phase-1", "phase-2"], "unnamed_requests": 1, "had_some": true,
        "has_stopped": false,
    });
    assert_eq!(database.row(heartbeat), expected);
    assert_eq!(api.terminate(), Some(0));
    expected["has_stopped"] = json!(true);
    assert_eq!(database.row(heartbeat), expected);
}

#[test]
fn an_origin_that_is_none_stops_the_start() {
    let (code, _, stderr) = output(
        binary("api")
            .env("WINSERVE__DATABASE__URL", "postgresql:///nowhere")
            .env("WINSERVE__AUTH__LEGACY_SECRET", "s")
            .env("WINSERVE__SERVER__CORS_ORIGINS", "not a url"),
    );
    assert_eq!(code, Some(2));
    assert!(stderr.contains("server.cors_origins"), "{stderr}");
}
