//! Why a command about Clerk ended early.

use diesel::result::Error as DieselError;
use winserve_domain::{
    base::{BoxError, StoreError},
    clerk::{DirectoryFailure, DirectoryRefusal, InstanceProblem},
};
use winserve_persistence::{
    migrate::{Group, MigrateError},
    store_error,
};

use super::commands::Commands;
use crate::{Exit, Failure};

/// Why a command about Clerk ended early. What was synced stays synced.
#[derive(Debug, thiserror::Error)]
pub enum ClerkError {
    /// The schema has no outbox yet.
    #[error("the schema has no Clerk outbox yet: {} is not applied", .0.name())]
    NotPrepared(Group),
    /// Nothing is synced while the switch is off.
    #[error("syncing organizations to Clerk is turned off")]
    Off,
    /// An operator stopped the command.
    #[error("stopped; run the same command again to continue")]
    Stopped,
    /// An operator turned the switch off during the command.
    #[error("stopped: syncing to Clerk was turned off during the run")]
    TurnedOff,
    /// An operator has to fix the Clerk instance first.
    #[error("{0}")]
    Instance(InstanceProblem),
    /// Clerk does not answer.
    #[error("Clerk is unavailable")]
    Unavailable(#[source] DirectoryFailure),
    /// No thread could be started.
    #[error("no runtime for calls to Clerk")]
    Runtime(#[source] BoxError),
    /// The schema could not be read.
    #[error(transparent)]
    Schema(#[from] MigrateError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DieselError> for ClerkError {
    fn from(error: DieselError) -> Self {
        Self::Store(store_error(error))
    }
}

impl From<DirectoryFailure> for ClerkError {
    fn from(failure: DirectoryFailure) -> Self {
        match failure {
            DirectoryFailure::Refused(DirectoryRefusal::Instance(problem)) => {
                Self::Instance(problem)
            }
            failure => Self::Unavailable(failure),
        }
    }
}

impl Failure for ClerkError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotPrepared(_) | Self::Off | Self::Instance(_) => Exit::Precondition,
            Self::Stopped => Exit::Signal,
            Self::TurnedOff => Exit::Paused,
            Self::Unavailable(_) | Self::Runtime(_) => Exit::Infrastructure,
            Self::Schema(error) => error.exit(),
            Self::Store(error) => error.exit(),
        }
    }
}

impl ClerkError {
    /// Commands to run next.
    #[must_use]
    pub fn next_steps(&self, commands: &Commands) -> Vec<String> {
        match self {
            Self::NotPrepared(_) => vec![commands.prepare.to_owned()],
            Self::Off | Self::TurnedOff => vec![commands.turn_on.to_owned()],
            Self::Stopped
            | Self::Instance(_)
            | Self::Unavailable(_)
            | Self::Runtime(_)
            | Self::Schema(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}
