//! Missing rights of a role.

use std::{error::Error, fmt};

use winserve_persistence::{PgConnection, denied};

use crate::{Exit, Failure};

/// A role lacks a right: the database rejected a statement, or would.
#[derive(Debug)]
pub struct MissingRight {
    /// What the command did, and the database's message.
    refused: String,
    /// Statements that grant the right.
    pub statements: Vec<String>,
}

impl fmt::Display for MissingRight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { refused, statements } = self;
        let advice = match statements.as_slice() {
            [] => "use a role that may do this",
            _ => "run what follows as its owner or a superuser",
        };
        write!(formatter, "{refused}; {advice}, then run the command again")
    }
}

impl Error for MissingRight {}

impl Failure for MissingRight {
    fn exit(&self) -> Exit {
        Exit::Precondition
    }
}

impl MissingRight {
    /// Rights that were found to be missing before a statement was rejected, with what grants them.
    #[must_use]
    pub const fn found(refused: String, statements: Vec<String>) -> Self {
        Self { refused, statements }
    }

    /// Looks up the missing right, if an error is about one. Only its owner may change a schema.
    #[must_use]
    pub fn of(
        error: &(dyn Error + 'static),
        refused: String,
        changes_schema: bool,
        connect: impl FnOnce() -> Option<PgConnection>,
    ) -> Option<Self> {
        let mut denied = denied(error)?;
        if changes_schema {
            denied = denied.for_the_owner();
        }
        let grants = connect().and_then(|mut connection| {
            denied
                .grants(&mut connection)
                .inspect_err(|error| tracing::warn!(%error, "the missing right is unknown"))
                .ok()
        });
        Some(Self { refused, statements: grants.unwrap_or_default() })
    }
}
