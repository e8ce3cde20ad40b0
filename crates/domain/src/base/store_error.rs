//! How the store failed.

use crate::base::BoxError;

/// How the store failed, with only the distinctions a caller acts on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint forbids the write, or another row refers to what is to be deleted.
    #[error("the constraint {constraint} forbids the write")]
    Conflict {
        /// Name of the constraint.
        constraint: String,
        /// The database's error.
        source: BoxError,
    },
    /// No connection in time, or the database is away, full or read-only for the moment; trying again
    /// later may succeed.
    #[error("the database is unavailable")]
    Unavailable(#[source] BoxError),
    /// The database is there, and ended a statement before its end.
    #[error("{why}")]
    Cancelled {
        /// Why.
        why: Cancelled,
        /// The database's error.
        source: BoxError,
    },
    /// A stored value is none that the program can read.
    #[error("row {row} of {table} cannot be read")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Its key.
        row: String,
        /// What is wrong.
        source: BoxError,
    },
    /// A JSON column would become larger than a user may make it.
    #[error("{column} of {table} would be larger than {at_most} bytes")]
    TooLarge {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Bytes that it may have.
        at_most: u64,
    },
    /// The rows of a list hold more JSON than may be in memory for one.
    #[error("the rows of the list hold more than {at_most} bytes of JSON")]
    ListTooLarge {
        /// Bytes that they may hold.
        at_most: u64,
    },
    /// The user has as many as a user may have.
    #[error("the user has {at_most} {what} already")]
    LimitReached {
        /// Such as `campaigns`.
        what: &'static str,
        /// So many they may have.
        at_most: u32,
    },
    /// The store keeps nothing of the kind yet: a later composition will.
    #[error("the store does not support this yet")]
    NotMigrated,
    /// Anything else: a defect.
    #[error("database error")]
    Other(#[source] BoxError),
}

/// Why the database ended a statement before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cancelled {
    /// It ran into a limit of time.
    #[error("the database took longer than the time limit for a statement")]
    TooSlow,
    /// Somebody asked for it: an operator, or a program that ends long statements.
    #[error("the statement was cancelled at the database")]
    OnRequest,
}
