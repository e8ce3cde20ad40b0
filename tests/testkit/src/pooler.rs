//! A real PgBouncer in front of the test cluster.

use std::{
    fs::Permissions,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        net::UnixStream,
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::Url;
use tempfile::TempDir;

/// Environment variable with more programs, separated by colons.
const PROGRAMS_VARIABLE: &str = "WINSERVE_TEST_PGBOUNCER";
const PORT: u16 = 6432;

/// A running PgBouncer; dropping it kills it.
#[derive(Debug)]
pub struct Pooler {
    process: Child,
    folder: TempDir,
}

impl Pooler {
    /// The system's PgBouncer, and those in the environment variable.
    #[must_use]
    pub fn programs() -> Vec<PathBuf> {
        #[expect(clippy::disallowed_methods, reason = "set by `scripts/test`")]
        let further = std::env::var(PROGRAMS_VARIABLE).unwrap_or_default();
        let system = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].map(PathBuf::from);
        let system = system.into_iter().find(|path| path.exists());
        let system = system.expect("PgBouncer, which `scripts/system-packages --server` installs");
        let further = further.split(':').filter(|path| !path.is_empty()).map(PathBuf::from);
        std::iter::once(system).chain(further).collect()
    }

    /// Starts one in front of the server of a URL, for the URL's user, with these lines in its `[pgbouncer]`
    /// section.
    #[must_use]
    pub fn start(program: &Path, url: &str, settings: &str) -> Self {
        let parameter = |name: &str| {
            let url = Url::parse(url).expect("a URL of the test cluster");
            let found = url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
            found.expect("a URL of the test cluster").into_owned()
        };
        let (host, port, user) = (parameter("host"), parameter("port"), parameter("user"));
        let folder = tempfile::tempdir().expect("a folder for PgBouncer");
        // PgBouncer does not run as root, and only the server's user can reach the server.
        let server = std::fs::metadata(&host).expect("the folder of the server's socket");
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))
            .expect("a folder of ours");
        let path = |name: &str| folder.path().join(name);
        let shown = folder.path().display();
        let configuration = format!(
            "[databases]\n* = host={host} port={port}\n\
             [pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\nunix_socket_dir = {shown}\n\
             auth_type = trust\nauth_file = {shown}/users\nlogfile =\npidfile =\n{settings}\n"
        );
        std::fs::write(path("pgbouncer.ini"), configuration).expect("our own folder");
        std::fs::write(path("users"), format!("\"{user}\" \"\"\n")).expect("our own folder");
        let mut command = Command::new(program);
        command.arg("-q").arg(path("pgbouncer.ini")).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if std::fs::metadata("/proc/self").expect("ourselves").uid() == 0 {
            chown(folder.path(), Some(server.uid()), Some(server.gid())).expect("we are root");
            command.uid(server.uid()).gid(server.gid());
        }
        let process = command.spawn().expect("PgBouncer starts");
        let pooler = Self { process, folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(pooler.folder.path().join(format!(".s.PGSQL.{PORT}"))).is_err() {
            assert!(Instant::now() < deadline, "PgBouncer does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        pooler
    }

    /// The URL of a test database through it.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let (address, query) = url.split_once('?').expect("a URL of the test cluster");
        let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some(("host", _)) => {
                format!("host={}", self.folder.path().display().to_string().replace('/', "%2F"))
            }
            Some(("port", _)) => format!("port={PORT}"),
            _ => parameter.to_owned(),
        });
        format!("{address}?{}", parameters.collect::<Vec<_>>().join("&"))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
