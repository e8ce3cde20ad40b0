//! How the store failed.

use crate::base::BoxError;

/// How the store failed, as far as a caller can react to it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint rejects the write, or another row refers to the row to be deleted.
    #[error("the constraint {constraint} forbids the write")]
    Conflict {
        /// Name of the constraint.
        constraint: String,
        /// The database's error.
        source: BoxError,
    },
    /// No connection in time, or the database is unreachable, full or read-only for the moment; a
    /// retry may succeed.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// The database was reachable, but cancelled a statement.
    #[error("{why}")]
    Cancelled {
        /// Why.
        why: Cancelled,
        /// The database's error.
        source: BoxError,
    },
    /// A stored value that the program cannot read.
    #[error("row {row} of {table} cannot be read")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Its key.
        row: String,
        /// What is wrong.
        source: BoxError,
    },
    /// A JSON column would exceed the limit for users.
    #[error("{column} of {table} would be larger than {at_most} bytes")]
    TooLarge {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Maximum size in bytes.
        at_most: u64,
    },
    /// The rows of a list contain more JSON than one list may hold in memory.
    #[error("the rows of the list hold more than {at_most} bytes of JSON")]
    ListTooLarge {
        /// Maximum size in bytes.
        at_most: u64,
    },
    /// The user has reached the limit.
    #[error("the user has {at_most} {what} already")]
    LimitReached {
        /// Such as `campaigns`.
        what: &'static str,
        /// The limit.
        at_most: u32,
    },
    /// The store does not support this yet: a later composition will.
    #[error("the store does not support this yet")]
    NotMigrated,
    /// Anything else: a defect.
    #[error("database error")]
    Other(#[source] BoxError),
}

/// Why the database cancelled a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cancelled {
    /// It exceeded a time limit.
    #[error("the database took longer than the time limit for a statement")]
    TooSlow,
    /// An operator cancelled it, or a program that cancels long statements.
    #[error("the statement was cancelled at the database")]
    OnRequest,
}
