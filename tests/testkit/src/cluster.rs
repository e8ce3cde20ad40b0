//! The cluster for a test run.

use std::{
    fs::Permissions, os::unix::fs::PermissionsExt as _, path::Path, sync::OnceLock, time::Duration,
};

use tempfile::TempDir;
use winserve_embedded_postgres::{Cluster, ClusterOptions};

/// Variable with the URL of the running cluster's database `winserve`.
pub const CLUSTER_VARIABLE: &str = "WINSERVE_TEST_CLUSTER";

/// Variable with the folder of server programs to use instead of the system's: another version of PostgreSQL.
const PROGRAMS_VARIABLE: &str = "WINSERVE_TEST_POSTGRES";

/// A disposable cluster: in memory if possible, without durability.
#[derive(Debug)]
pub struct TestCluster {
    cluster: Cluster,
    /// Dropped after the cluster in it.
    _folder: TempDir,
}

const FOLDER_PREFIX: &str = "winserve-test-";
/// Initialization takes less time than this: an older folder without a server is a leftover.
const LEFTOVER: Duration = Duration::from_mins(5);

impl TestCluster {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        sweep(&parent);
        let folder = tempfile::Builder::new()
            .prefix(FOLDER_PREFIX)
            .tempdir_in(parent)
            .expect("a folder for the test cluster");
        // The server may run as another user, who must be able to reach its folder.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711))
            .expect("a folder of ours");
        let mut options = ClusterOptions::new(folder.path().join("postgres"));
        if let Some(programs) = std::env::var_os(PROGRAMS_VARIABLE) {
            options = options.with_programs(programs);
        }
        let options = options
            .with_setting("fsync", "off")
            .with_setting("synchronous_commit", "off")
            .with_setting("full_page_writes", "off")
            .with_setting("max_connections", "200")
            // Loaded once, not by every session.
            .with_setting("shared_preload_libraries", "plpgsql")
            // Databases are gone before it would get to them.
            .with_setting("autovacuum", "off");
        let cluster = Cluster::start_or_attach(&options).expect("the test cluster starts");
        Self { cluster, _folder: folder }
    }

    /// The URL of its database `winserve`.
    #[must_use]
    pub fn url(&self) -> String {
        self.cluster.url("winserve")
    }
}

/// Removes the leftovers of killed runs.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(FOLDER_PREFIX);
        let made = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let is_old = made.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > LEFTOVER);
        // A server removes the file when it stops, and it stops with its test run.
        let is_running = entry.path().join("postgres/pgdata/postmaster.pid").exists();
        if is_ours && is_old && !is_running {
            // Another user's leftovers stay; they do no harm.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The URL of a database of the run's cluster.
pub(crate) fn url(database: &str) -> String {
    static OWN: OnceLock<TestCluster> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "handed over by `with-test-cluster`")]
    let shared = std::env::var(CLUSTER_VARIABLE);
    let url = shared.unwrap_or_else(|_| OWN.get_or_init(TestCluster::start).url());
    url.replacen("/winserve?", &format!("/{database}?"), 1)
}
