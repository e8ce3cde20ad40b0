//! The only place that reads diesel's error kinds.

use diesel::result::{DatabaseErrorKind, Error};
use winserve_domain::unit_of_work::StoreError;

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
        error => StoreError::Other(error.into()),
    }
}

/// A row that cannot be read as the domain's type.
pub(crate) fn inconsistent(
    table: &'static str,
    row: i32,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Inconsistent { table, row: row.to_string(), source: problem.into() }
}
