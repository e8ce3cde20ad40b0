use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why a cluster could not be started, attached to or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// No folder holds `initdb`, `postgres` and `pg_ctl`.
    #[error(
        "no PostgreSQL server binaries in PATH or /usr/lib/postgresql/*/bin: install them \
         (`apt-get install postgresql`) or name a running server in WINSERVE__DATABASE__URL"
    )]
    NoServerBinaries,

    /// The program that binds the server's life to its parent is not installed.
    #[error("the program `setpriv` is missing: install the package `util-linux`")]
    SetprivMissing,

    /// This process is root, and there is no ordinary user to run the server.
    #[error(
        "PostgreSQL refuses to run as root, and /etc/passwd has no user `postgres` or `nobody` \
         to run it as"
    )]
    NoServerUser,

    /// A directory that we would have to use is not ours.
    #[error("refusing to use {}: it {reason}", path.display())]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A program failed.
    #[error("`{program}` failed ({status}):\n{output}")]
    CommandFailed {
        /// The program's file name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its standard error.
        output: String,
    },

    /// The server exited without being asked to.
    #[error("the PostgreSQL server exited unexpectedly ({status}); the end of its log:\n{log}")]
    ServerExited {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of the server log.
        log: String,
    },

    /// The server did not accept connections in time.
    #[error("the PostgreSQL server was not ready in time; the end of its log:\n{log}")]
    NotReady {
        /// The last lines of the server log.
        log: String,
    },

    /// The server did not stop in time after it was asked to.
    #[error("the PostgreSQL server did not stop in time; the end of its log:\n{log}")]
    NotStopped {
        /// The last lines of the server log.
        log: String,
    },

    /// The operating system returned an error.
    ///
    /// The error is part of the message, and so not a source, which would repeat it.
    #[error("cannot use {}: {error}", path.display())]
    Io {
        /// The affected file, directory, socket or program.
        path: PathBuf,
        /// The operating system's error.
        error: io::Error,
    },
}

impl ClusterError {
    /// For `map_err`: adds the path that every I/O error needs to be understood.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { path: path.to_owned(), error }
    }
}
