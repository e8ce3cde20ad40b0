//! `demo`: what `make run` starts.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use winserve_testkit::TestDatabase;

use crate::binaries::{Running, binary, free_port, output, wait_until_ready};

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

#[test]
fn demo_with_the_public_secret_stays_on_this_machine() {
    for (bind, secret, reason) in [
        ("0.0.0.0:3999", "", "LEGACY_SECRET"),
        ("0.0.0.0:3999", "a secret of our own", "Clerk"),
        ("127.0.0.1:0", "", "a port"),
    ] {
        let (code, _, stderr) = output(
            binary("demo")
                .env("WINSERVE__DATABASE__URL", "postgresql:///nowhere")
                .env("WINSERVE__AUTH__LEGACY_SECRET", secret)
                .env("WINSERVE__SERVER__BIND", bind),
        );
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains(reason), "{stderr}");
    }
}

/// Starts `demo` on a private cluster in a folder, and waits until it is ready. Returns the address
/// of its API.
async fn on_private_cluster(folder: &Path) -> (Running, String) {
    let bind = format!("127.0.0.1:{}", free_port());
    let demo = binary("demo")
        .args(["--phase", "legacy"])
        .env("WINSERVE__DATABASE__DATA_DIR", folder.join("postgres"))
        .env("WINSERVE__SERVER__BIND", &bind)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    let base = format!("http://{bind}");
    wait_until_ready(&base).await;
    (demo, base)
}

/// The number of campaigns that another command finds in the private cluster in a folder.
fn campaigns(folder: &Path) -> String {
    let mut count = binary("demo");
    count.env("WINSERVE__DATABASE__DATA_DIR", folder.join("postgres"));
    let query = "psql -XAt -c 'SELECT count(*) FROM campaign' \"$DATABASE_URL\"";
    let (code, stdout, stderr) = output(count.args(["--", "sh", "-c", query]));
    assert_eq!(code, Some(0), "{stderr}");
    stdout.trim().to_owned()
}

fn postmaster(folder: &Path) -> Option<String> {
    let file = folder.join("postgres/pgdata/postmaster.pid");
    Some(std::fs::read_to_string(file).ok()?.lines().next()?.to_owned())
}

async fn wait_until_gone(folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while postmaster(folder).is_some() {
        assert!(Instant::now() < deadline, "PostgreSQL still runs");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The API gets its own signal, so it may briefly outlive PostgreSQL.
async fn wait_until_refused(base: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while winserve_testkit::http_client().get(format!("{base}/v1/health")).send().await.is_ok() {
        assert!(Instant::now() < deadline, "the API still answers");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn a_private_cluster_ends_with_the_demo_and_is_found_again() {
    let folder = reachable_folder();
    let (demo, base) = on_private_cluster(folder.path()).await;
    assert_eq!(campaigns(folder.path()), "10", "a command attaches to the running cluster");
    assert_eq!(demo.terminate(), Some(0));
    wait_until_gone(folder.path()).await;
    assert!(winserve_testkit::http_client().get(format!("{base}/v1/health")).send().await.is_err());
    assert_eq!(campaigns(folder.path()), "10", "a command starts it for its own duration");

    let (mut demo, base) = on_private_cluster(folder.path()).await;
    demo.signal("-KILL");
    demo.0.wait().unwrap();
    wait_until_gone(folder.path()).await;
    wait_until_refused(&base).await;

    let (demo, _) = on_private_cluster(folder.path()).await;
    assert_eq!(demo.terminate(), Some(0));
    wait_until_gone(folder.path()).await;
}

#[actix_web::test]
async fn a_cluster_that_ends_with_another_process_is_taken_over() {
    let folder = reachable_folder();
    let owner = binary("demo")
        .args(["--", "sleep", "60"])
        .env("WINSERVE__DATABASE__DATA_DIR", folder.path().join("postgres"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while postmaster(folder.path()).is_none() {
        assert!(Instant::now() < deadline, "PostgreSQL does not start");
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    let (demo, base) = on_private_cluster(folder.path()).await;
    let first = postmaster(folder.path());
    drop(owner);
    let deadline = Instant::now() + Duration::from_secs(20);
    while postmaster(folder.path()).is_none_or(|it| Some(it) == first) {
        assert!(Instant::now() < deadline, "no command restarted the cluster");
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
    }
    wait_until_ready(&base).await;
    assert_eq!(demo.terminate(), Some(0));
    wait_until_gone(folder.path()).await;
}

/// A folder that PostgreSQL's user can access, in memory if possible.
pub(crate) fn reachable_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("winserve-demo-").tempdir_in(parent).unwrap();
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o711);
    std::fs::set_permissions(folder.path(), open).unwrap();
    folder
}
