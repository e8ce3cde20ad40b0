//! The real binaries: `api`, `backfill` and `demo`.

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use winserve_testkit::TestDatabase;

/// A binary of the same build; `make test` builds them all first.
pub(crate) fn binary(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let path: PathBuf = test.parent().unwrap().parent().unwrap().join(name);
    assert!(path.exists(), "{} is not built: cargo build --workspace --bins", path.display());
    let mut command = Command::new(path);
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").stdin(Stdio::null());
    command
}

/// `api` on a database, at an address, with the secret that [`token`] signs with.
pub(crate) fn api(database: &TestDatabase, bind: &str) -> Command {
    let mut command = binary("api");
    command
        .env("WINSERVE__DATABASE__URL", database.url())
        .env("WINSERVE__AUTH__LEGACY_SECRET", "test secret")
        .env("WINSERVE__SERVER__BIND", bind)
        // Test clients keep idle connections open.
        .env("WINSERVE__SERVER__DRAIN_SECONDS", "0");
    command
}

/// `backfill` on a database.
pub(crate) fn backfill(database: &TestDatabase) -> Command {
    let mut command = binary("backfill");
    command.env("WINSERVE__DATABASE__URL", database.url());
    command
}

pub(crate) fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// Sends a signal to processes; `false` if one has exited.
pub(crate) fn send(signal: &str, processes: &[u32]) -> bool {
    // Uses the shell's builtin `kill`: not every machine has the program.
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill \"$@\"", "sh", signal]).args(processes.iter().map(u32::to_string));
    kill.status().unwrap().success()
}

/// A running process, killed if the test fails.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn signal(&self, signal: &str) {
        assert!(send(signal, &[self.0.id()]));
    }

    /// Its exit code; `None` if it is still running after this time.
    pub(crate) fn ended_within(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Kills the process; `false` if it had already exited.
    pub(crate) fn kill(&mut self) -> bool {
        let was_running = self.0.try_wait().unwrap().is_none();
        if was_running {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
        was_running
    }

    pub(crate) fn terminate(self) -> Option<i32> {
        self.signal("-TERM");
        self.wait()
    }

    /// Its exit code, once it has exited.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) async fn wait_until_ready(base: &str) {
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

/// A token for user 7, signed with the secret that the tests configure.
pub(crate) fn token() -> String {
    token_of(7)
}

/// A token for any user.
pub(crate) fn token_of(user: i64) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({"sub": user, "exp": now + 600});
    let key = jsonwebtoken::EncodingKey::from_secret(b"test secret");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

/// Waits until a condition holds, at most half a minute.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// [`wait_until`], without blocking the thread's other tasks.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        actix_web::rt::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn wait_for_a_blocked_statement(database: &TestDatabase) {
    wait_for_blocked_statements(database, 1).await;
}

/// Waits until this many statements wait for a lock.
pub(crate) async fn wait_for_blocked_statements(database: &TestDatabase, count: usize) {
    eventually("statements wait", || blocked_statements(database) >= count).await;
}

/// How many statements wait for a lock.
pub(crate) fn blocked_statements(database: &TestDatabase) -> usize {
    let blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    database.rows(blocked).len()
}
