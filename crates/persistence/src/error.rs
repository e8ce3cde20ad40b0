//! The only place that reads diesel's error kinds.

use diesel::result::{DatabaseErrorKind, Error};
use winserve_domain::base::{Cancelled, StoreError};

use crate::migrate::MigrateError;

/// Part of the server's messages about policies.
pub(crate) const ROW_SECURITY: &str = "row-level security policy";

/// SQLSTATE 55P03; diesel hides the codes, and our sessions use English messages (see
/// [`session`](crate::session)).
pub(crate) const LOCK_TIMEOUT: &str = "canceling statement due to lock timeout";

/// Whether a lock wait timed out.
#[must_use]
pub fn is_lock_timeout(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, it) if it.message().starts_with(LOCK_TIMEOUT))
}

/// SQLSTATE 57014: a setting such as `statement_timeout` cancelled the statement.
const STATEMENT_TIMEOUT: &str = "canceling statement due to statement timeout";
/// SQLSTATE 57014: `pg_cancel_backend` was called, or a cancel request was sent.
const USER_REQUEST: &str = "canceling statement due to user request";

fn cancelled(message: &str) -> Option<Cancelled> {
    if message.starts_with(STATEMENT_TIMEOUT) {
        Some(Cancelled::TooSlow)
    } else if message.starts_with(USER_REQUEST) {
        Some(Cancelled::OnRequest)
    } else {
        None
    }
}

/// Why the database cancelled a statement, if that caused an error.
#[must_use]
pub fn cancellation(error: &(dyn std::error::Error + 'static)) -> Option<Cancelled> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(StoreError::Cancelled { why, .. }) = error.downcast_ref() {
            return Some(*why);
        }
        if let Some(Error::DatabaseError(_, information)) = error.downcast_ref() {
            return cancelled(information.message());
        }
        if let Some(MigrateError::Failed(source)) = error.downcast_ref() {
            // A migration's error hides the database's error.
            let text = source.to_string();
            return text.find("canceling statement").and_then(|at| cancelled(text.get(at..)?));
        }
        next = error.source();
    }
    None
}

/// The kind of the database error behind an error; `None`: there is none.
#[must_use]
pub fn refusal_behind(error: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref() {
            return Some(refusal(error));
        }
        if let Some(MigrateError::Failed(source)) = error.downcast_ref() {
            // A migration's error hides the database's error.
            let text = source.to_string();
            if let Some((_, message)) = text.split_once(OF_MIGRATION) {
                return Some(refusal_in(message));
            }
        }
        next = error.source();
    }
    None
}

/// The text before the database's message in a migration error.
const OF_MIGRATION: &str = " with: ";

/// How a job reacts to a database error. Diesel hides the SQLSTATE, so some are recognized by their
/// message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// A conflict with another transaction (40001, 40P01, 55P03), or a cancelled statement (57014):
    /// retry a little later.
    Contention,
    /// The statement took too long (57014): fewer rows.
    TooSlow,
    /// The connection is lost (08*, 57P01 to 57P03), or leads to a read-only server, as after a
    /// failover (25006): reconnect, then check the state of the work.
    ConnectionLost,
    /// Disk, memory or connections ran out (53*): stop, and continue when resources are available
    /// again.
    OutOfResources,
    /// A row cannot be written (22*, 23*, a trigger's exception): find out which one.
    Data,
    /// The schema or the program is not as expected (42*, 25*): stop.
    Defect,
}

/// Prefixes of messages of class 53.
const OUT_OF_RESOURCES: [&str; 6] = [
    "out of memory",
    "out of shared memory",
    "temporary file size exceeds",
    "sorry, too many clients",
    "too many connections",
    "remaining connection slots",
];
/// Prefixes of messages of 53100.
const DISK_FULL: [&str; 2] = ["could not extend file", "disk full"];
/// Prefixes of messages whose details describe a file error.
const STATUS_OF_TRANSACTION: &str = "could not access status of transaction";
/// Suffix of other messages of 53100.
const NO_SPACE: &str = "No space left on device";
/// Messages of class 42.
const DEFECTS: [&str; 7] = [
    "does not exist",
    "syntax error",
    "permission denied",
    "must be owner",
    "is ambiguous",
    "could not determine",
    ROW_SECURITY,
];
/// Prefixes of messages about a connection, or about a server that starts or stops.
const CONNECTION: [&str; 6] = [
    "terminating connection",
    "the database system is",
    "server closed the connection",
    "connection to server",
    "could not connect",
    // How our write transactions begin.
    "cannot set transaction read-write mode during recovery",
];

/// Classifies a diesel error by how a job reacts.
#[must_use]
pub fn refusal(error: &Error) -> Refusal {
    let Error::DatabaseError(kind, information) = error else {
        return match error {
            // Follows a lost connection inside a transaction.
            Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => {
                Refusal::ConnectionLost
            }
            _ => Refusal::Defect,
        };
    };
    match kind {
        DatabaseErrorKind::SerializationFailure => Refusal::Contention,
        DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::ReadOnlyTransaction => Refusal::ConnectionLost,
        DatabaseErrorKind::Unknown if is_disk_full(error) => Refusal::OutOfResources,
        DatabaseErrorKind::Unknown => refusal_in(information.message()),
        _ => Refusal::Data,
    }
}

/// Classifies a message without a known SQLSTATE.
fn refusal_in(message: &str) -> Refusal {
    let says = |messages: &[&str]| messages.iter().any(|it| message.contains(it));
    let begins = |messages: &[&str]| messages.iter().any(|it| message.starts_with(it));
    if begins(&[LOCK_TIMEOUT, "deadlock detected", USER_REQUEST]) {
        Refusal::Contention
    } else if begins(&[STATEMENT_TIMEOUT]) {
        Refusal::TooSlow
    } else if begins(&CONNECTION) {
        Refusal::ConnectionLost
    } else if begins(&OUT_OF_RESOURCES) || begins(&DISK_FULL) {
        Refusal::OutOfResources
    } else if says(&DEFECTS) {
        Refusal::Defect
    } else {
        Refusal::Data
    }
}

/// Whether the server's disk is full. Checks only the beginning or end of the message, because
/// others quote client data.
pub(crate) fn is_disk_full(error: &Error) -> bool {
    let Error::DatabaseError(_, information) = error else { return false };
    let message = information.message();
    DISK_FULL.iter().any(|it| message.starts_with(it))
        || (message.starts_with("could not ") && message.ends_with(NO_SPACE))
        || (message.starts_with(STATUS_OF_TRANSACTION)
            && information.details().is_some_and(|details| details.contains(NO_SPACE)))
}

/// Whether a pooler had no free session in time.
fn is_turned_away(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, it) if it.message().starts_with("query_wait_timeout"))
}

/// What a failed statement shows about the server rather than about the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerTrouble {
    /// It is gone, or read-only.
    WrongServer,
    /// Its disk is full (53100).
    DiskFull,
}

pub(crate) fn server_trouble(error: &Error) -> Option<ServerTrouble> {
    match refusal(error) {
        // Only this connection ends; the others still lead to the same server.
        Refusal::ConnectionLost if is_turned_away(error) => None,
        Refusal::ConnectionLost => Some(ServerTrouble::WrongServer),
        Refusal::OutOfResources if is_disk_full(error) => Some(ServerTrouble::DiskFull),
        _ => None,
    }
}

/// Classifies a diesel error by how callers react. Temporary errors are unavailable, not defects.
#[must_use]
pub fn store_error(error: Error) -> StoreError {
    if let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, information) = &error {
        return StoreError::Conflict {
            constraint: information.constraint_name().unwrap_or_default().to_owned(),
            source: error.into(),
        };
    }
    if let Some(why) = cancellation(&error) {
        return StoreError::Cancelled { why, source: error.into() };
    }
    match refusal(&error) {
        Refusal::Contention
        | Refusal::TooSlow
        | Refusal::ConnectionLost
        | Refusal::OutOfResources => StoreError::Unavailable(error.into()),
        Refusal::Data | Refusal::Defect => StoreError::Other(error.into()),
    }
}

/// [`store_error`] for a deletion: referenced rows stay.
pub(crate) fn deletion_error(error: Error) -> StoreError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, ref information) => {
            StoreError::Conflict {
                constraint: information.constraint_name().unwrap_or_default().to_owned(),
                source: error.into(),
            }
        }
        error => store_error(error),
    }
}

/// [`inconsistent`] for a table with a text key.
pub(crate) fn inconsistent_key(table: &'static str, key: &str, problem: &str) -> StoreError {
    StoreError::Inconsistent { table, row: key.to_owned(), source: problem.into() }
}

/// A row that cannot be read as the domain's type.
pub(crate) fn inconsistent(
    table: &'static str,
    row: i32,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Inconsistent { table, row: row.to_string(), source: problem.into() }
}
