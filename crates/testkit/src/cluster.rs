//! The cluster of a test run.

use std::{path::Path, sync::OnceLock};

use tempfile::TempDir;
use winserve_embedded_postgres::{Cluster, ClusterOptions};

/// Names the running cluster's URL for the database `winserve`.
pub const CLUSTER_VARIABLE: &str = "WINSERVE_TEST_CLUSTER";

/// Starts a throw-away cluster: in memory where the machine has a memory file system, and without
/// any care for power failures.
#[must_use]
pub fn start_cluster() -> (Cluster, TempDir) {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_path_buf()
    } else {
        std::env::temp_dir()
    };
    let folder = tempfile::Builder::new()
        .prefix("winserve-test-")
        .tempdir_in(parent)
        .expect("a folder for the test cluster");
    // The server may run as another user, who has to reach its folder.
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o711);
    std::fs::set_permissions(folder.path(), open).expect("our own folder");
    let options = ClusterOptions::new(folder.path().join("postgres"))
        .with_setting("fsync", "off")
        .with_setting("synchronous_commit", "off")
        .with_setting("full_page_writes", "off")
        .with_setting("max_connections", "200");
    let cluster = Cluster::start_or_attach(&options).expect("the test cluster starts");
    (cluster, folder)
}

/// The URL of the cluster, with another database's name.
pub(crate) fn url(database: &str) -> String {
    static OWN: OnceLock<(Cluster, TempDir)> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "handed over by `with-test-cluster`"
    )]
    let shared = std::env::var(CLUSTER_VARIABLE);
    match shared {
        Ok(url) => url.replacen("/winserve?", &format!("/{database}?"), 1),
        Err(_) => OWN.get_or_init(start_cluster).0.url(database),
    }
}
