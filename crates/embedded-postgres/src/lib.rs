#![doc = include_str!("../README.md")]
//!
//! # Directory
//!
//! ```text
//! <data_dir>/
//!   embedded-postgres.lock   taken while a process starts or attaches; marks the directory as ours
//!   pgdata/                  the cluster's data; exists only after a complete initialisation
//!   pgdata.initialising/     an initialisation that runs or was killed; removed by the next one
//!   server.log               the log of the latest server
//!   socket/                  the Unix socket
//! ```
//!
//! A non-empty directory without our lock file is refused, never changed.
//!
//! The directory stays the caller's; `pgdata` and `socket` are open to the server's user alone.
//! Two things can move, each into a stand-in `/var/tmp/winserve-postgres-<hash of the path>`:
//!
//! * all of it, when we are root and the server's user cannot reach the wanted directory, say
//!   below a private home: [`Cluster::data_dir`] tells the real place;
//! * `socket`, when its path is too long for a Unix socket or has a comma in it.
//!
//! # Life of the server
//!
//! The server is stopped when the owning [`Cluster`] is stopped or dropped. It has its own process
//! group, so Ctrl-C in a terminal does not reach it. When its parent ends without stopping it, even
//! by `kill -9`, the kernel sends it an interrupt (`setpriv --pdeathsig`), which is a fast shutdown.
//! This signal belongs to the thread that spawned the server, not to the process, so the server
//! gets a thread of its own, and a cluster may be started from a thread that ends earlier.
//!
//! # Limits
//!
//! * Linux only: `setpriv` and `/proc`.
//! * The locale is C.UTF-8: text sorts by code point, unlike on most hosted servers.
//! * The initialisation does not wait for the disk (`initdb --no-sync`): if the machine loses power
//!   within its first half minute, remove the directory. Afterwards, data are as safe as the
//!   settings make them.

mod directory;
mod error;
mod probe;
mod programs;
mod server;
mod user;

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use directory::{Layout, PORT};
pub use error::ClusterError;
use probe::{Answer, probe};
use programs::Programs;
use server::Server;

/// The superuser, and the name of the database that exists from the beginning.
const SUPERUSER: &str = "winserve";
/// Long, for a server that was killed reads its whole data directory before it is ready.
const START_TIMEOUT: Duration = Duration::from_mins(1);
const RETRY: Duration = Duration::from_millis(50);

/// Where the cluster is kept, and how its server is set up.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    data_dir: PathBuf,
    programs: Option<PathBuf>,
    settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// A cluster in this directory, which is made if need be, with the server's default settings.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), programs: None, settings: Vec::new() }
    }

    /// Takes the server's programs from this folder, and from no other.
    #[must_use]
    pub fn with_programs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.programs = Some(folder.into());
        self
    }

    /// Adds a server setting, as in `postgres -c name=value`.
    ///
    /// It has no effect on a server that already runs. The address, the port, the socket and the
    /// log line prefix are ours.
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

impl ClusterOptions {
    /// Whether a cluster was initialised here before; makes nothing.
    ///
    /// # Errors
    ///
    /// See [`ClusterError`].
    pub fn is_initialised(&self) -> Result<bool, ClusterError> {
        let parent =
            std::path::absolute(&self.data_dir).map_err(ClusterError::io(&self.data_dir))?;
        if !parent.parent().is_some_and(Path::exists) {
            return Ok(false);
        }
        let own_uid = user::effective_uid()?;
        let account = user::server_account(own_uid)?;
        let pgdata = directory::resolve(&self.data_dir, account)?.join("pgdata");
        pgdata.try_exists().map_err(ClusterError::io(&pgdata))
    }
}

/// A running private cluster.
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    /// `None` when the server belongs to another process.
    server: Option<Server>,
}

impl Cluster {
    /// Attaches to the server that already runs on the directory, or else starts one, after
    /// initialising the directory if need be. Processes that do this at once wait for each other.
    ///
    /// Waits while an older server shuts down. The server of another process ends when that
    /// process stops it.
    ///
    /// # Errors
    ///
    /// See [`ClusterError`]; a server that cannot start is reported with the end of its log.
    pub fn start_or_attach(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let own_uid = user::effective_uid()?;
        let account = user::server_account(own_uid)?;

        let data_dir = directory::resolve(&options.data_dir, account)?;
        directory::claim(&data_dir, own_uid)?;
        let _lock = directory::lock(&data_dir)?;
        let layout = Layout::new(data_dir, own_uid, account)?;

        let programs =
            Programs::find(options.programs.as_deref(), layout.major_version()?, account)?;
        if !layout.is_initialised()? {
            server::initialise(&programs, &layout)?;
        }

        let socket = layout.socket();
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            match probe(&socket)? {
                Answer::Ready => {
                    return Ok(Self { layout, server: None });
                }
                Answer::Unavailable => {}
                Answer::Absent => {
                    let server = Server::start(&programs, &layout, &options.settings, deadline)?;
                    if server.is_some() {
                        return Ok(Self { layout, server });
                    }
                }
            }
            thread::sleep(RETRY);
        }
        let log = layout.log_tail();
        Err(ClusterError::NotReady { log })
    }

    /// The URL of a database of this cluster, for libpq and the clients that follow it. The
    /// database `winserve` exists from the beginning.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let database = percent_encode(database.as_bytes());
        let host = percent_encode(self.layout.socket_dir.as_os_str().as_bytes());
        format!("postgresql:///{database}?host={host}&port={PORT}&user={SUPERUSER}")
    }

    /// Whether the server accepts connections now. One that this value only attached to ends with
    /// its owner; [`start_or_attach`](Self::start_or_attach) then takes it over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(probe(&self.layout.socket()), Ok(Answer::Ready))
    }

    /// Whether this value started the server, and stops it when dropped.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.server.is_some()
    }

    /// The directory really used, which is not the wanted one if the server's user could not reach
    /// that.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.layout.data_dir
    }

    /// Stops the server by a fast shutdown, which ends all sessions, and waits for it. Leaves the
    /// server of another process alone.
    ///
    /// # Errors
    ///
    /// The server had ended by itself, or it does not end. Dropping the cluster instead writes
    /// these errors to standard error.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        match &mut self.server {
            Some(server) => server.stop(),
            None => Ok(()),
        }
    }
}

/// Encodes everything but the characters that mean themselves in every part of a URL.
fn percent_encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut encoded, &byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn only_unreserved_characters_stay_as_they_are_in_a_url() {
        let encoded = percent_encode("/tmp/a-b_c.d~e ü%?&".as_bytes());
        assert_eq!(encoded, "%2Ftmp%2Fa-b_c.d~e%20%C3%BC%25%3F%26");
    }
}
