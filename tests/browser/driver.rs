//! Chromium and its driver: one driver and two browsers for the whole run, because a browser takes a second to
//! start.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::Duration,
};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::sync::{
    Mutex,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// As many as a machine of CI has cores.
const BROWSERS: usize = 2;
/// How long a test waits for a browser that others use.
const PATIENCE: Duration = Duration::from_mins(4);
/// Whatever does not come with these options is not needed here, or asks for something from elsewhere.
const OPTIONS: [&str; 11] = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    // As on a phone, they take no room.
    "--hide-scrollbars",
    // Text looks the same on every machine.
    "--font-render-hinting=none",
    // Through a pipe, the browser ends when its driver does.
    "--remote-debugging-pipe",
];

static POOL: LazyLock<Option<Pool>> = LazyLock::new(|| is_installed().then(Pool::start));

type Started = Result<Client, String>;

/// Browsers that no test uses now.
struct Pool {
    idle: Mutex<UnboundedReceiver<Started>>,
    back: UnboundedSender<Started>,
}

/// A browser that one test has for itself.
pub(crate) struct Browser {
    client: Client,
    back: UnboundedSender<Started>,
}

impl Browser {
    /// The next browser that is free, or none where Chromium is not installed.
    pub(crate) async fn free() -> Option<Self> {
        let pool = POOL.as_ref()?;
        let next = async { pool.idle.lock().await.recv().await };
        let next = tokio::time::timeout(PATIENCE, next).await.unwrap();
        let client = match next.unwrap() {
            Ok(client) => client,
            Err(error) => {
                pool.back.send(Err(error.clone())).unwrap();
                panic!("Chromium does not start: {error}");
            }
        };
        Some(Self { client, back: pool.back.clone() })
    }

    /// Its driver's client.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The pool is never dropped.
        let _sent = self.back.send(Ok(self.client.clone()));
    }
}

impl Pool {
    fn start() -> Self {
        let (back, idle) = unbounded_channel();
        let started = back.clone();
        // A thread that never ends: the kernel ends the driver together with the thread that started it.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let _driver = start_browsers(&started).await;
                std::future::pending::<()>().await;
            });
        });
        Self { idle: Mutex::new(idle), back }
    }
}

async fn start_browsers(started: &UnboundedSender<Started>) -> Option<Child> {
    let folder = folder();
    let (driver, address) = match start_driver(&folder) {
        Ok(running) => running,
        Err(error) => {
            started.send(Err(error.to_string())).unwrap();
            return None;
        }
    };
    for number in 1..=BROWSERS {
        let mut client = ClientBuilder::new(HttpConnector::new());
        client.capabilities(capabilities(&folder.join(number.to_string())));
        let client = client.connect(&address).await.map_err(|error| error.to_string());
        started.send(client).unwrap();
    }
    Some(driver)
}

/// The driver, and where it listens.
fn start_driver(folder: &Path) -> std::io::Result<(Child, String)> {
    std::fs::create_dir_all(folder)?;
    let mut driver = Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "chromedriver", "--port=0"])
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next().transpose()? {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let address = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
            // It stops when it cannot print any more.
            thread::spawn(move || lines.for_each(drop));
            return Ok((driver, address));
        }
    }
    Err(std::io::Error::other("the driver ended at once"))
}

fn capabilities(profile: &Path) -> Map<String, Value> {
    let mut options: Vec<String> = OPTIONS.map(str::to_owned).into();
    options.push(format!("--user-data-dir={}", profile.display()));
    if is_root() {
        options.push("--no-sandbox".to_owned());
    }
    let mut capabilities = Map::new();
    capabilities.insert("goog:chromeOptions".to_owned(), json!({"args": options}));
    capabilities
}

/// A folder of this process for profiles. Those of processes that have ended are removed.
fn folder() -> PathBuf {
    let all = target().join("chromium");
    for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(entry.file_name()).exists() {
            // Another process may be about to do the same.
            let _removed = std::fs::remove_dir_all(entry.path());
        }
    }
    all.join(std::process::id().to_string())
}

/// The folder of what is built.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|ourselves| ourselves.uid() == 0)
}

/// Whether everything is here that these tests need. In CI, it must be.
fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has =
        |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    let missing = if !has("chromedriver") || !has("chromium") {
        "Chromium is not installed: run `scripts/system-packages --server`"
    } else if !crate::probes::axe_core().exists() {
        "axe-core is not there: run `scripts/axe-core`"
    } else {
        return true;
    };
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("SKIPPED: tests in a browser. {missing}");
    false
}
