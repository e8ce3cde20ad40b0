//! The real binaries: `api`, `backfill` and what `make run` starts.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use winserve_testkit::TestDatabase;

use crate::fixtures;

/// A binary of the same build; `make test` builds them all first.
fn binary(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let path: PathBuf = test.parent().unwrap().parent().unwrap().join(name);
    assert!(path.exists(), "{} is not built: cargo build --workspace --bins", path.display());
    let mut command = Command::new(path);
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn backfill(database: &TestDatabase) -> Command {
    let mut command = binary("backfill");
    command.env("WINSERVE__DATABASE__URL", database.url());
    command
}

#[test]
fn api_without_a_secret_says_which_variable_is_missing() {
    let (code, _, stderr) =
        output(binary("api").env("WINSERVE__DATABASE__URL", "postgresql:///nowhere"));
    assert_eq!(code, Some(1));
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

#[test]
fn backfill_migrates_an_empty_database_and_reports_on_it() {
    let database = TestDatabase::empty();
    let (code, _, stderr) = output(backfill(&database).arg("status"));
    assert_eq!(code, Some(10));
    assert!(stderr.contains("backfill migrate baseline"), "{stderr}");

    let dry = ["migrate", "baseline", "--dry-run", "--json"];
    let (code, stdout, _) = output(backfill(&database).args(dry));
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["outcome"], "would_create");

    for text in ["Created the tables", "nothing was changed"] {
        let (code, stdout, _) = output(backfill(&database).args(["migrate", "baseline"]));
        assert_eq!(code, Some(0));
        assert!(stdout.contains(text), "{stdout}");
    }

    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({"office": "Mayor", "state": "mi"}), None);
    let (code, stdout, _) = output(backfill(&database).args(["status", "--json"]));
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["next_steps"], json!([]));
    assert_eq!(report["campaigns"]["custom_office"], 1);
    let (_, stdout, _) = output(backfill(&database).arg("status"));
    assert!(stdout.contains("state-spelling"), "{stdout}");
}

#[test]
fn backfill_tells_scripts_how_it_ended() {
    assert_eq!(output(binary("backfill").arg("nonsense")).0, Some(2));
    let config = output(binary("backfill").arg("status").env("WINSERVE__PHASE", "phase-9"));
    assert_eq!(config.0, Some(2), "{}", config.2);
    let away = binary("backfill")
        .arg("status")
        .env("WINSERVE__DATABASE__URL", "postgresql://127.0.0.1:1/nowhere")
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(30));
}

#[test]
fn backfill_status_writes_nothing() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    database.execute(
        "ALTER DATABASE CURRENT_DATABASE_NAME SET default_transaction_read_only = on"
            .replace(
                "CURRENT_DATABASE_NAME",
                database.row("SELECT current_database()::text AS name")["name"].as_str().unwrap(),
            )
            .as_str(),
    );
    let (code, _, stderr) = output(backfill(&database).arg("status"));
    assert_eq!(code, Some(0), "{stderr}");
}

/// A running process, killed if the test fails.
struct Running(Child);

impl Running {
    fn terminate(mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn wait_until_ready(base: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = winserve_testkit::http_client().get(format!("{base}/readyz")).send().await;
        if answer.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        assert!(Instant::now() < deadline, "{base} is not ready");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn sigterm_lets_a_request_under_way_finish() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let bind = format!("127.0.0.1:{}", free_port());
    let api = binary("api")
        .env("WINSERVE__DATABASE__URL", database.url())
        .env("WINSERVE__AUTH__LEGACY_SECRET", "test secret")
        .env("WINSERVE__SERVER__BIND", &bind)
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;

    // The campaign is locked, so that the request waits in the database.
    let mut holder = database.connect();
    diesel::connection::SimpleConnection::batch_execute(
        &mut holder,
        "BEGIN; SELECT FROM campaign FOR UPDATE",
    )
    .unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({"sub": 7, "exp": now + 600});
    let key = jsonwebtoken::EncodingKey::from_secret(b"test secret");
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    let request = winserve_testkit::http_client()
        .put(format!("{base}/v1/campaigns/mine"))
        .bearer_auth(token)
        .json(&json!({"details": {"zip": "1"}}))
        .send();
    let request = actix_web::rt::spawn(request);
    wait_for_a_blocked_statement(&database).await;
    let stopping = std::thread::spawn(move || api.terminate());
    actix_web::rt::time::sleep(Duration::from_millis(200)).await;
    diesel::connection::SimpleConnection::batch_execute(&mut holder, "COMMIT").unwrap();

    assert_eq!(request.await.unwrap().unwrap().status(), 200);
    assert_eq!(stopping.join().unwrap(), Some(0));
    assert_eq!(database.row("SELECT details FROM campaign")["details"], json!({"zip": "1"}));
}

async fn wait_for_a_blocked_statement(database: &TestDatabase) {
    let blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let deadline = Instant::now() + Duration::from_secs(10);
    while database.rows(blocked).is_empty() {
        assert!(Instant::now() < deadline, "no statement waits");
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
}

#[actix_web::test]
async fn demo_prints_lines_that_work_as_pasted_and_keeps_its_data() {
    let database = TestDatabase::empty();
    for round in 0..2 {
        let bind = format!("127.0.0.1:{}", free_port());
        let mut demo = binary("demo")
            .env("WINSERVE__DATABASE__URL", database.url())
            .env("WINSERVE__SERVER__BIND", &bind)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map(Running)
            .unwrap();
        let mut lines = Vec::new();
        for line in BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap) {
            let last = line.starts_with("Ctrl-C");
            lines.push(line);
            if last {
                break;
            }
        }
        let first = lines.iter().find(|line| !line.is_empty()).unwrap();
        assert_eq!(first, &format!("API  http://{bind}"), "the URL comes first");
        let curls: Vec<_> = lines.iter().filter(|line| line.starts_with("curl ")).collect();
        assert_eq!(curls.len(), 3);
        let answers: Vec<Value> = curls.iter().map(|line| pasted(line)).collect();
        assert_eq!(answers[0]["email"], "candidate@example.org");
        assert_eq!(answers[1]["details"]["otherOffice"], "Tecumseh City Mayor");
        assert_eq!(answers[2]["details"]["occupation"], "Teacher");
        if round == 1 {
            assert_eq!(answers[1]["details"]["occupation"], "Teacher", "kept from the first round");
        }
        assert_eq!(demo.terminate(), Some(0));
        assert!(
            winserve_testkit::http_client()
                .get(format!("http://{bind}/v1/health"))
                .send()
                .await
                .is_err(),
            "the API is gone"
        );
    }
}

fn pasted(line: &str) -> Value {
    let (code, stdout, stderr) = output(Command::new("bash").args(["-c", line]));
    assert_eq!(code, Some(0), "{line}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[actix_web::test]
async fn demo_leaves_a_configured_database_with_users_alone() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let bind = format!("127.0.0.1:{}", free_port());
    let demo = binary("demo")
        .env("WINSERVE__DATABASE__URL", database.url())
        .env("WINSERVE__SERVER__BIND", &bind)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    wait_until_ready(&format!("http://{bind}")).await;
    assert_eq!(demo.terminate(), Some(0));
    assert_eq!(database.row(r#"SELECT count(*) FROM "user""#)["count"], 1);
}

#[test]
fn demo_reports_an_api_that_cannot_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let database = TestDatabase::empty();
    let (code, stdout, stderr) = output(
        binary("demo")
            .env("WINSERVE__DATABASE__URL", database.url())
            .env("WINSERVE__SERVER__BIND", taken.local_addr().unwrap().to_string()),
    );
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("server.bind") && !stdout.contains("curl"), "{stderr}");
}
