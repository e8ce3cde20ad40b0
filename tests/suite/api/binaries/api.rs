//! `api`.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    process::Stdio,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use winserve_persistence::migrate::{Group, expand};
use winserve_testkit::Phase;
use winserve_testkit::TestDatabase;

use crate::{
    binaries::{
        Running, api, binary, free_port, output, token, wait_for_a_blocked_statement,
        wait_until_ready,
    },
    fixtures,
};

#[test]
fn api_without_a_secret_says_which_variable_is_missing() {
    let (code, _, stderr) =
        output(binary("api").env("WINSERVE__DATABASE__URL", "postgresql:///nowhere"));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("WINSERVE__AUTH__LEGACY_SECRET"), "{stderr}");
}

#[test]
fn a_misspelt_variable_stops_every_binary_and_is_named() {
    for name in ["api", "demo"] {
        let (code, _, stderr) = output(binary(name).env("WINSERVE__SERVER__BNID", "x"));
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

#[test]
fn a_start_that_is_refused_shows_no_credentials() {
    for (variable, value, key) in [
        ("DATABASE", "postgresql://u:s3cret@h/db", "database"),
        ("ELECTION_API__URL", "https://u:s3cret@h/?a=1", "election_api.url"),
        ("PEOPLE_API__URL", "postgresql://u:s3cret@h/db", "people_api.url"),
        ("LOG__FILTER", "api=s3cret", "log.filter"),
    ] {
        let mut command = binary("api");
        command
            .env("WINSERVE__AUTH__LEGACY_SECRET", "test secret")
            .env(format!("WINSERVE__{variable}"), value);
        let (code, stdout, stderr) = output(&mut command);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(key), "{stderr}");
        assert!(!format!("{stdout}{stderr}").contains("s3cret"), "{stderr}");
    }
}

#[actix_web::test]
async fn sigterm_lets_a_running_request_finish() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let bind = format!("127.0.0.1:{}", free_port());
    let api = api(&database, &bind).stderr(Stdio::null()).spawn().map(Running).unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;

    // The campaign is locked, so the request waits in the database.
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

/// An open connection, and the data that it has received.
struct Kept(TcpStream);

impl Kept {
    fn to(bind: &str) -> Self {
        let stream = TcpStream::connect(bind).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(stream)
    }

    fn ask(&mut self) {
        self.0.write_all(b"GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    }

    /// The only answer, in lowercase.
    fn answer(&mut self) -> String {
        let mut said = Vec::new();
        while !said.ends_with(b"OK") {
            let mut bytes = [0; 1024];
            let count = self.0.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "no answer: {}", String::from_utf8_lossy(&said));
            said.extend_from_slice(&bytes[..count]);
        }
        String::from_utf8(said).unwrap().to_lowercase()
    }
}

const CLOSE: &str = "\r\nconnection: close\r\n";

#[actix_web::test]
async fn after_sigterm_open_connections_get_an_answer_that_is_their_last() {
    let database = TestDatabase::new();
    let bind = format!("127.0.0.1:{}", free_port());
    let api = api(&database, &bind)
        .env("WINSERVE__SERVER__DRAIN_SECONDS", "4")
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    wait_until_ready(&format!("http://{bind}")).await;
    let mut kept: Vec<Kept> = (0..20).map(|_| Kept::to(&bind)).collect();
    for connection in &mut kept {
        connection.ask();
        assert!(!connection.answer().contains(CLOSE));
    }
    let since = Instant::now();
    api.signal("-TERM");
    loop {
        let mut another = Kept::to(&bind);
        another.ask();
        if another.answer().contains(CLOSE) {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(10), "it does not stop");
    }
    for connection in &mut kept {
        connection.ask();
    }
    for mut connection in kept {
        let answer = connection.answer();
        assert!(answer.starts_with("http/1.1 200 ") && answer.contains(CLOSE), "{answer}");
        assert_eq!(connection.0.read(&mut [0]).unwrap(), 0, "the connection ends");
    }
    assert_eq!(api.wait(), Some(0));
}

#[actix_web::test]
async fn after_sigterm_without_connections_new_ones_are_answered_and_readiness_says_no() {
    let database = TestDatabase::new();
    let bind = format!("127.0.0.1:{}", free_port());
    let api = api(&database, &bind)
        .env("WINSERVE__SERVER__DRAIN_SECONDS", "4")
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let get = async |path: &str| {
        // A new client for each request, so that no connection is reused.
        let client = winserve_testkit::http_client();
        client.get(format!("{base}{path}")).header("Connection", "close").send().await.unwrap()
    };
    api.signal("-TERM");
    loop {
        let ready = get("/readyz").await;
        assert_eq!(get("/v1/health").await.status(), 200);
        if ready.status() == 503 {
            assert!(ready.headers().contains_key("retry-after"));
            break;
        }
    }
    assert_eq!(get("/v1/health").await.status(), 200, "new connections are served");
    assert_eq!(api.wait(), Some(0));
}

#[actix_web::test]
async fn mistakes_of_clients_are_not_logged_as_errors() {
    let database = TestDatabase::new();
    let bind = format!("127.0.0.1:{}", free_port());
    let mut api = api(&database, &bind)
        .env("WINSERVE__LOG__FORMAT", "json")
        .env("WINSERVE__LOG__FILTER", "info")
        .stderr(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    let mut stderr = api.0.stderr.take().unwrap();
    let reading = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap());
    wait_until_ready(&format!("http://{bind}")).await;
    let head = "POST /v1/x HTTP/1.1\r\nHost: a\r\n";
    for wrong in [
        "nonsense\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("{head}X: {}\r\n\r\n", "y".repeat(200_000)),
        format!("{head}Content-Length: x\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{head}\r\n"),
        format!("{head}Content-Length: 10\r\n\r\nabc"),
    ] {
        let mut connection = Kept::to(&bind);
        // The server may refuse it before the whole body is sent.
        let _ = connection.0.write_all(wrong.as_bytes());
        let _ = connection.0.shutdown(Shutdown::Write);
        let _ = connection.0.read_to_end(&mut Vec::new());
    }
    api.terminate();
    let log = reading.join().unwrap();
    let levels: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["level"] == "ERROR")
        .collect();
    assert!(levels.is_empty(), "{levels:?}");
}

#[actix_web::test]
async fn a_json_log_has_a_line_a_request_and_nothing_of_the_person() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let bind = format!("127.0.0.1:{}", free_port());
    let mut api = api(&database, &bind)
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
    let api = api(&database, &bind).stderr(Stdio::null()).spawn().map(Running).unwrap();
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
        "knows": ["legacy", "phase-1", "phase-2", "phase-3", "phase-3-enforce"], "unnamed_requests": 1, "had_some": true,
        "has_stopped": false,
    });
    assert_eq!(database.row(heartbeat), expected);
    assert_eq!(api.terminate(), Some(0));
    expected["has_stopped"] = json!(true);
    assert_eq!(database.row(heartbeat), expected);
}

#[test]
fn a_malformed_origin_stops_the_startup() {
    let (code, _, stderr) = output(
        binary("api")
            .env("WINSERVE__DATABASE__URL", "postgresql:///nowhere")
            .env("WINSERVE__AUTH__LEGACY_SECRET", "s")
            .env("WINSERVE__SERVER__CORS_ORIGINS", "not a url"),
    );
    assert_eq!(code, Some(2));
    assert!(stderr.contains("server.cors_origins"), "{stderr}");
}

/// Memory of a process in bytes.
fn resident(process: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[actix_web::test]
#[ignore = "takes a minute: make chaos"]
async fn chaos_three_hundred_thousand_requests_over_http_without_a_scrape_take_less_than_a_megabyte()
 {
    let database = TestDatabase::new();
    let bind = format!("127.0.0.1:{}", free_port());
    let api = api(&database, &bind)
        .env("WINSERVE__LOG__FILTER", "error")
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    wait_until_ready(&format!("http://{bind}")).await;
    let mut kept: Vec<Kept> = (0..20).map(|_| Kept::to(&bind)).collect();
    let mut ask = |count: usize| {
        for _ in 0..count / kept.len() {
            kept.iter_mut().for_each(Kept::ask);
            for connection in &mut kept {
                connection.answer();
            }
        }
    };
    ask(30_000);
    let before = resident(api.0.id());
    ask(300_000);
    let more = resident(api.0.id()).saturating_sub(before);
    assert!(more < 1_000_000, "{more} bytes more");
}

#[actix_web::test]
#[ignore = "takes a minute: make chaos"]
async fn chaos_parallel_requests_for_a_very_large_row_take_the_memory_of_two() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    // Some ten megabytes of JSON.
    database.execute_unmapped(
        "UPDATE campaign SET ai_content = (
             SELECT jsonb_object_agg(n::text, md5(n::text)) FROM generate_series(1, 250000) n)",
    );
    let bind = format!("127.0.0.1:{}", free_port());
    let api = api(&database, &bind).stderr(Stdio::null()).spawn().map(Running).unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let read = |base: String| async move {
        let mine = winserve_testkit::http_client().get(format!("{base}/v1/campaigns/mine"));
        let answer = mine.bearer_auth(token()).send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap().len())
    };
    let one = read(base.clone()).await;
    assert!(one.0 == 200 && one.1 > 10_000_000, "{one:?}");
    let after_one = resident(api.0.id());
    for _ in 0..20 {
        // A client that disconnects.
        let soon = Duration::from_millis(50);
        let _ = actix_web::rt::time::timeout(soon, read(base.clone())).await;
    }
    let running: Vec<_> = (0..8).map(|_| actix_web::rt::spawn(read(base.clone()))).collect();
    for request in running {
        assert_eq!(request.await.unwrap(), one);
    }
    let after_all = resident(api.0.id());
    // The server reads at most two at a time, but keeps an answer's text until the client has read
    // it.
    let answers = 8 * u64::try_from(one.1).unwrap();
    assert!(
        after_all < 2 * after_one + answers,
        "{after_one} bytes after one, {after_all} after all"
    );
}
