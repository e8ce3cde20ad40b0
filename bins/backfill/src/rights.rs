//! Finds the right that a role lacks for a command.

use std::{error::Error, fmt};

use winserve_persistence::{ConnectError, connect, denied};

use crate::Command;

/// The database refused a statement because a right is missing.
#[derive(Debug)]
pub(crate) struct MissingRight {
    /// What the database said, and what we were doing.
    refused: String,
    /// The statements that grant the right.
    pub(crate) statements: Vec<String>,
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

/// Asks the database which right is missing, if an error is about one.
pub(crate) fn explain(error: anyhow::Error, command: &Command, url: &str) -> anyhow::Error {
    // Without a connection, nobody can be asked.
    let missing = if error.is::<ConnectError>() { None } else { denied(error.as_ref()) };
    let Some(mut denied) = missing else { return error };
    if matches!(command, Command::Migrate { .. }) {
        denied = denied.for_the_owner();
    }
    let refused = format!("{error:#}");
    let grants = connect(url, "winserve-backfill").ok().and_then(|mut connection| {
        denied
            .grants(&mut connection)
            .inspect_err(|error| tracing::warn!(%error, "the missing right cannot be told"))
            .ok()
    });
    MissingRight { refused, statements: grants.unwrap_or_default() }.into()
}
