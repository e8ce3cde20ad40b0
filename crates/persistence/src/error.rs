//! The only place that reads diesel's error kinds.

use diesel::result::{DatabaseErrorKind, Error};
use winserve_domain::unit_of_work::StoreError;

/// SQLSTATE 55P03; diesel hides the codes, and our sessions speak English.
pub(crate) const LOCK_TIMEOUT: &str = "due to lock timeout";
/// Refusals that pass: 55P03, 57014, 40P01 and 57P01 to 57P03.
const PASSING: [&str; 6] = [
    LOCK_TIMEOUT,
    "due to statement timeout",
    "deadlock detected",
    "terminating connection",
    "the database system is",
    "server closed the connection",
];

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
