//! `api` while a service that it depends on fails.

use std::{
    io::Write as _,
    net::UdpSocket,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, connection::SimpleConnection as _};
use reqwest::StatusCode;
use serde_json::json;
use winserve_embedded_postgres::{Cluster, ClusterOptions};
use winserve_persistence::migrate;
use winserve_testkit::{TestDatabase, http_client};

use super::demo::reachable_folder;
use crate::{
    binaries::{
        Running, api, binary, free_port, output, token, wait_for_a_blocked_statement,
        wait_until_ready,
    },
    fixtures,
};

#[test]
fn api_without_a_database_does_not_make_one_and_says_which_variable_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    for url in [None, Some("")] {
        let mut command = binary("api");
        command.current_dir(folder.path()).env("WINSERVE__AUTH__LEGACY_SECRET", "test secret");
        if let Some(url) = url {
            command.env("WINSERVE__DATABASE__URL", url);
        }
        let (code, _, stderr) = output(&mut command);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains("WINSERVE__DATABASE__URL"), "{stderr}");
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "no file was created");
    }
}

async fn status(base: &str, path: &str) -> StatusCode {
    let request = http_client().get(format!("{base}{path}")).bearer_auth(token());
    request.send().await.unwrap().status()
}

#[actix_web::test]
async fn beyond_the_queue_a_request_gets_503_with_retry_after_immediately() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let bind = format!("127.0.0.1:{}", free_port());
    let _api = api(&database, &bind)
        .env("WINSERVE__DATABASE__POOL_SIZE", "1")
        .env("WINSERVE__DATABASE__QUEUE_LENGTH", "0")
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let mut holder = database.connect();
    holder.batch_execute(r#"BEGIN; LOCK "user" IN ACCESS EXCLUSIVE MODE"#).unwrap();
    let first = actix_web::rt::spawn({
        let base = base.clone();
        async move { status(&base, "/v1/users/me").await }
    });
    wait_for_a_blocked_statement(&database).await;
    let me = http_client().get(format!("{base}/v1/users/me")).bearer_auth(token());
    let second = me.send().await.unwrap();
    assert_eq!(
        (second.status().as_u16(), &second.headers()["retry-after"]),
        (503, &"2".parse().unwrap())
    );
    assert!(!first.is_finished());
    assert_eq!(status(&base, "/readyz").await, 200);
    holder.batch_execute("COMMIT").unwrap();
    assert_eq!(first.await.unwrap(), 200);
    let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains(r#"database_turned_away_total{reason="queue-full"} 1"#), "{metrics}");
}

#[actix_web::test]
#[ignore = "make chaos"]
async fn chaos_a_thousand_connections_are_served_by_one_of_the_pool() {
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    let bind = format!("127.0.0.1:{}", free_port());
    let mut command = api(&database, &bind);
    command.env("WINSERVE__DATABASE__POOL_SIZE", "1").env("WINSERVE__LOG__FILTER", "error");
    let _api = command.stderr(Stdio::null()).spawn().map(Running).unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let client = http_client();
    for _round in 0..3 {
        let requests: Vec<_> = (0..1_000)
            .map(|_| {
                let request = client.get(format!("{base}/v1/users/me")).bearer_auth(token());
                actix_web::rt::spawn(async move { request.send().await.unwrap().status() })
            })
            .collect();
        for request in requests {
            assert_eq!(request.await.unwrap(), 200);
        }
    }
}

/// A name server that receives queries and never answers; `None` if this process is not allowed to
/// run one.
fn silent_name_server() -> Option<UdpSocket> {
    let server = UdpSocket::bind("127.0.53.53:53").ok()?;
    server.set_nonblocking(true).unwrap();
    let may_mount =
        Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    may_mount.is_ok_and(|it| it.success()).then_some(server)
}

/// Makes the command use that name server instead of the machine's.
fn with_silent_name_server(command: &Command, folder: &Path) -> Command {
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let script = "for file in resolv.conf nsswitch.conf; do
                      [ ! -e /etc/$file ] || mount --bind \"$0/$file\" /etc/$file || exit 1
                  done
                  exec \"$@\"";
    write("nsswitch.conf", "hosts: files dns\n");
    write("resolv.conf", "nameserver 127.0.53.53\n");
    let mut wrapped = Command::new("unshare");
    wrapped
        .args(["--mount", "--propagation", "private", "sh", "-c", script])
        .arg(folder)
        .arg(command.get_program())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped
}

#[actix_web::test]
async fn a_name_server_that_never_answers_delays_only_requests_that_need_it() {
    let Some(name_server) = silent_name_server() else {
        // Written directly, because the output of the macro is captured when the test passes.
        let _ = writeln!(
            std::io::stderr(),
            "NOT CHECKED: only root, with the right to mount, can replace the name server"
        );
        return;
    };
    let database = TestDatabase::new();
    fixtures::user(&database, 7, "candidate");
    fixtures::campaign(&database, 11, 7, &json!({}), None);
    let folder = tempfile::tempdir().unwrap();
    let bind = format!("127.0.0.1:{}", free_port());
    let mut command = api(&database, &bind);
    command
        .env("WINSERVE__ELECTION_API__URL", "http://election-api.example.org")
        .env("WINSERVE__CLERK__API_URL", "https://api.clerk.example.org/v1")
        .env("WINSERVE__CLERK__ISSUER", "https://clerk.example.org")
        .env("WINSERVE__CLERK__SECRET_KEY", "sk_test_x");
    let mut command = with_silent_name_server(&command, folder.path());
    let _api = command.stderr(Stdio::null()).spawn().map(Running).unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;

    // More than the server's threads of any kind.
    let client = http_client();
    let asking: Vec<_> = (0..64)
        .map(|n| {
            let types = format!("/v1/elections/districts/types?state=MI&electionYear={}", 2000 + n);
            let request = client.get(format!("{base}{types}"));
            actix_web::rt::spawn(async move { request.send().await.unwrap().status() })
        })
        .collect();
    for n in 0..4 {
        let request = client.get(format!("{base}/v1/campaigns/list"));
        actix_web::rt::spawn(request.bearer_auth(format!("mt_{n}")).send());
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut missing = vec!["election-api", "clerk"];
    while !missing.is_empty() {
        assert!(Instant::now() < deadline, "the name server got no query for {missing:?}");
        let mut question = [0; 512];
        match name_server.recv(&mut question) {
            Ok(length) => {
                let question = String::from_utf8_lossy(&question[..length]).into_owned();
                missing.retain(|host| !question.contains(host));
            }
            Err(_none_yet) => actix_web::rt::time::sleep(Duration::from_millis(5)).await,
        }
    }
    for path in ["/v1/users/me", "/v1/campaigns/mine", "/readyz", "/v1/health"] {
        assert_eq!(status(&base, path).await, 200, "{path}");
    }
    assert!(asking.iter().all(|it| !it.is_finished()), "these still wait for the name server");
}

/// The socket of a cluster, taken from its URL.
fn host(cluster: &Cluster) -> String {
    let url = cluster.url("winserve");
    let (_, host) = url.split_once("host=").unwrap();
    host.split('&').next().unwrap().to_owned()
}

#[actix_web::test]
#[ignore = "make chaos"]
async fn chaos_after_a_standby_was_promoted_writes_resume() {
    let folder = reachable_folder();
    let options = |name: &str| {
        let options = ClusterOptions::new(folder.path().join(name));
        options.with_setting("fsync", "off").with_setting("wal_level", "replica")
    };
    let primary = Cluster::start_or_attach(&options("primary")).unwrap();
    let mut connection = PgConnection::establish(&primary.url("winserve")).unwrap();
    migrate::baseline(&mut connection, false).unwrap();
    connection
        .batch_execute(
            r#"INSERT INTO "user" (id, updated_at, first_name, last_name, name, email, phone, zip, roles)
               VALUES (7, '2026-01-02', 'Ann', 'User', 'Ann User', 'a@example.org', '5', '49286',
                       '{candidate}');
               INSERT INTO campaign (id, updated_at, slug, user_id, data, details)
               VALUES (11, '2026-01-02', 'ann', 7, '{}', '{}')"#,
        )
        .unwrap();
    drop(connection);
    primary.stop().unwrap();
    let copied = Command::new("sh")
        .args(["-c", "cp -a primary standby && cp -a standby/pgdata/PG_VERSION standby/pgdata/standby.signal"])
        .current_dir(folder.path())
        .status();
    assert!(copied.unwrap().success());
    let primary = Cluster::start_or_attach(&options("primary")).unwrap();
    let upstream = format!("host={} port=5432 user=winserve", host(&primary).replace("%2F", "/"));
    let standby = options("standby").with_setting("primary_conninfo", upstream);
    let standby = Cluster::start_or_attach(&standby).unwrap();

    let bind = format!("127.0.0.1:{}", free_port());
    let url = format!(
        "postgresql:///winserve?host={},{}&port=5432,5432&user=winserve&target_session_attrs=read-write",
        host(&primary),
        host(&standby)
    );
    let _api = binary("api")
        .env("WINSERVE__DATABASE__URL", url)
        .env("WINSERVE__AUTH__LEGACY_SECRET", "test secret")
        .env("WINSERVE__SERVER__BIND", &bind)
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    let write = async |zip: &str| {
        let request = http_client().put(format!("{base}/v1/campaigns/mine")).bearer_auth(token());
        let request = request.json(&json!({"details": {"zip": zip}}));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(write("1").await, 200);
    let mut promoted = PgConnection::establish(&standby.url("winserve")).unwrap();
    let replicated = "SELECT FROM campaign WHERE details->>'zip' = '1'";
    let deadline = Instant::now() + Duration::from_secs(20);
    while diesel::sql_query(replicated).execute(&mut promoted).unwrap() == 0 {
        assert!(Instant::now() < deadline, "the standby does not catch up");
        std::thread::sleep(Duration::from_millis(20));
    }

    primary.stop().unwrap();
    assert_eq!(write("2").await, 503, "no server accepts writes");
    assert_eq!(status(&base, "/readyz").await, 503);
    promoted.batch_execute("SELECT pg_promote()").unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        match write("3").await {
            200 => break,
            status => assert_eq!(status, 503),
        }
        assert!(Instant::now() < deadline, "writes do not resume");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status(&base, "/readyz").await, 200);
    let written = "SELECT FROM campaign WHERE details->>'zip' = '3'";
    assert_eq!(diesel::sql_query(written).execute(&mut promoted).unwrap(), 1);
    standby.stop().unwrap();
}
