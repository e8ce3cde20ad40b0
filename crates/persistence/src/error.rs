//! The only place that reads diesel's error kinds.

use diesel::result::{DatabaseErrorKind, Error};
use winserve_domain::unit_of_work::StoreError;

/// SQLSTATE 55P03; diesel hides the codes, and our sessions speak English
/// ([`connection`](crate::connection) sees to it).
pub(crate) const LOCK_TIMEOUT: &str = "due to lock timeout";
/// Refusals that pass: 55P03, 57014, 40P01 and 57P01 to 57P03.
const PASSING: [&str; 7] = [
    LOCK_TIMEOUT,
    "due to statement timeout",
    "due to user request",
    "deadlock detected",
    "terminating connection",
    "the database system is",
    "server closed the connection",
];

/// What a job does about a refusal of the database. Diesel hides the SQLSTATE, so some are told by
/// their message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another transaction was in the way (40001, 40P01, 55P03), or somebody cancelled the statement
    /// (57014): the same again, a little later.
    Contention,
    /// The statement took too long (57014): fewer rows.
    TooSlow,
    /// The connection is lost (08*, 57P01 to 57P03): a new one, and then ask what became of the work.
    ConnectionLost,
    /// Disk, memory or connections ran out (53*): stop, and go on when there is room again.
    OutOfResources,
    /// A row cannot be written (22*, 23*, a trigger's exception): find out which.
    Data,
    /// The schema or the program is not as expected (42*, 25*): stop.
    Defect,
}

/// Messages of class 53.
const OUT_OF_RESOURCES: [&str; 6] = [
    "could not extend file",
    "No space left on device",
    "out of memory",
    "out of shared memory",
    "too many clients",
    "remaining connection slots",
];
/// Messages of class 42.
const DEFECTS: [&str; 6] = [
    "does not exist",
    "syntax error",
    "permission denied",
    "must be owner",
    "is ambiguous",
    "could not determine",
];
/// Messages about a connection, or about a server that goes or comes.
const CONNECTION: [&str; 5] = [
    "terminating connection",
    "the database system is",
    "server closed the connection",
    "connection to server",
    "could not connect",
];

/// Sorts a diesel error into what a job does about it.
#[must_use]
pub fn refusal(error: &Error) -> Refusal {
    let Error::DatabaseError(kind, information) = error else {
        return match error {
            // What follows a lost connection within a transaction.
            Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } => {
                Refusal::ConnectionLost
            }
            _ => Refusal::Defect,
        };
    };
    let says = |messages: &[&str]| messages.iter().any(|it| information.message().contains(it));
    match kind {
        DatabaseErrorKind::SerializationFailure => Refusal::Contention,
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Refusal::ConnectionLost
        }
        DatabaseErrorKind::ReadOnlyTransaction => Refusal::Defect,
        DatabaseErrorKind::Unknown => {
            if says(&[LOCK_TIMEOUT, "deadlock detected", "due to user request"]) {
                Refusal::Contention
            } else if says(&["due to statement timeout"]) {
                Refusal::TooSlow
            } else if says(&CONNECTION) {
                Refusal::ConnectionLost
            } else if says(&OUT_OF_RESOURCES) {
                Refusal::OutOfResources
            } else if says(&DEFECTS) {
                Refusal::Defect
            } else {
                Refusal::Data
            }
        }
        _ => Refusal::Data,
    }
}

/// Sorts a diesel error into what callers act on.
#[must_use]
pub fn store_error(error: Error) -> StoreError {
    match error {
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, ref information) => {
            StoreError::Conflict {
                constraint: information.constraint_name().unwrap_or_default().to_owned(),
                source: error.into(),
            }
        }
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::SerializationFailure,
            _,
        )
        | Error::BrokenTransactionManager => StoreError::Unavailable(error.into()),
        Error::DatabaseError(DatabaseErrorKind::Unknown, ref information)
            if PASSING.iter().any(|passing| information.message().contains(passing)) =>
        {
            StoreError::Unavailable(error.into())
        }
        error => StoreError::Other(error.into()),
    }
}

/// [`store_error`] of a deletion: what another row refers to stays.
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

/// [`inconsistent`] for a table whose key is a text.
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
