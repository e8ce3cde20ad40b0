#![doc = include_str!("../README.md")]
//!
//! # Directory
//!
//! ```text
//! <data_dir>/
//!   embedded-postgres.lock   held while a process starts or attaches; marks the directory as ours
//!   pgdata/                  the cluster's data; exists only after a complete initialization
//!   pgdata.initialising/     an initialization that is running or was killed; the next one removes it
//!   server.log               the log of the latest server
//!   socket/                  the Unix socket
//! ```
//!
//! A non-empty directory without our lock file is refused, never changed.
//!
//! The directory keeps its owner; only the server's user can read `pgdata` and `socket`. Two things may be
//! placed elsewhere, under `/var/tmp/winserve-postgres-<hash of the path>`:
//!
//! * everything, if we are root and the server's user cannot reach the requested directory, for example in a
//!   private home: [`Cluster::data_dir`] returns the actual place;
//! * `socket`, if its path is too long for a Unix socket or contains a comma.
//!
//! # Life of the server
//!
//! The server stops when the owning [`Cluster`] is stopped or dropped. It has its own process group, so
//! Ctrl-C in a terminal does not reach it. If its parent ends without stopping it, even by `kill -9`, the
//! kernel sends it an interrupt (`setpriv --pdeathsig`), which is a fast shutdown. This signal depends on the
//! thread that spawned the server, not on the process, so the server gets its own thread, and you may start a
//! cluster from a thread that ends earlier.
//!
//! # Limits
//!
//! * Linux only: `setpriv` and `/proc`.
//! * The locale is C.UTF-8: text sorts by code point, unlike on most hosted servers.
//! * The initialization does not wait for the disk (`initdb --no-sync`): if the machine loses power within
//!   the first half minute, delete the directory. After that, the data is as safe as the settings make it.

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

/// The superuser, and the name of the initial database.
const SUPERUSER: &str = "winserve";
/// Long, because a server that was killed reads its whole data directory before it is ready.
const START_TIMEOUT: Duration = Duration::from_mins(1);
const RETRY: Duration = Duration::from_millis(50);

/// Where the cluster is, and how its server is configured.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    data_dir: PathBuf,
    programs: Option<PathBuf>,
    settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// A cluster in this directory, which is created if necessary, with the server's default settings.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), programs: None, settings: Vec::new() }
    }

    /// Uses the server's programs from this folder only.
    #[must_use]
    pub fn with_programs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.programs = Some(folder.into());
        self
    }

    /// Adds a server setting, as in `postgres -c name=value`.
    ///
    /// It has no effect on a server that is already running. We set the address, the port, the socket and the
    /// log line prefix ourselves.
    #[must_use]
    pub fn with_setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

impl ClusterOptions {
    /// Whether a cluster was initialized here before; creates nothing.
    ///
    /// # Errors
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
    /// `None` if the server belongs to another process.
    server: Option<Server>,
}

impl Cluster {
    /// Attaches to the server that is already running on the directory, or starts one, after initializing the
    /// directory if necessary. Processes that do this at the same time wait for each other.
    ///
    /// Waits while an older server shuts down. The server of another process ends when that process stops it.
    ///
    /// # Errors
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

    /// The URL of a database of this cluster, for libpq and compatible clients. The database `winserve`
    /// always exists.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let database = percent_encode(database.as_bytes());
        let host = percent_encode(self.layout.socket_dir.as_os_str().as_bytes());
        format!("postgresql:///{database}?host={host}&port={PORT}&user={SUPERUSER}")
    }

    /// Whether the server accepts connections now. A server that this value only attached to ends with its
    /// owner; [`start_or_attach`](Self::start_or_attach) then takes it over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(probe(&self.layout.socket()), Ok(Answer::Ready))
    }

    /// Whether this value started the server, and will stop it when dropped.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.server.is_some()
    }

    /// The directory actually used; not the requested one if the server's user could not reach that.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.layout.data_dir
    }

    /// Stops the server with a fast shutdown, which ends all sessions, and waits for it. Does not touch the
    /// server of another process.
    ///
    /// # Errors
    /// The server has already exited, or does not stop. If you drop the cluster instead, these errors go to
    /// standard error.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        match &mut self.server {
            Some(server) => server.stop(),
            None => Ok(()),
        }
    }
}

/// Encodes all characters except those that are safe in every part of a URL.
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
