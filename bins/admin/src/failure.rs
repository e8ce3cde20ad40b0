//! Why a command failed, and what to do next.

use std::{error::Error, io};

use winserve_admin::{
    Exit, Failure, MissingRight, Standby,
    clerk::ClerkError,
    output::{self, OutputError},
};
use winserve_clerk::ClientError;
use winserve_domain::base::StoreError;
use winserve_persistence::{ConnectError, PgConnection, migrate::MigrateError};
use winserve_settings::{
    SettingsError,
    database::{ClusterError, DatabaseError},
};

use crate::commands::COMMANDS;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) enum CommandError {
    Settings(#[from] SettingsError),
    #[error("signals cannot be handled")]
    Signals(#[source] io::Error),
    Database(#[from] DatabaseError),
    Cluster(#[from] ClusterError),
    Connect(#[from] ConnectError),
    Standby(#[from] Standby),
    Right(#[from] MissingRight),
    Migrate(#[from] MigrateError),
    Store(#[from] StoreError),
    Client(#[from] ClientError),
    Clerk(#[from] ClerkError),
    Output(#[from] OutputError),
    /// The switch already has that state.
    #[error("syncing organizations to Clerk is {} already", if *.is_on { "on" } else { "off" })]
    Unchanged {
        is_on: bool,
    },
}

impl Failure for CommandError {
    fn exit(&self) -> Exit {
        Exit::of_causes(self.cause()).unwrap_or_else(|| match self {
            Self::Settings(_) => Exit::Usage,
            Self::Database(DatabaseError::None { .. }) | Self::Unchanged { .. } => {
                Exit::Precondition
            }
            Self::Database(DatabaseError::Cluster(_)) | Self::Cluster(_) => Exit::Infrastructure,
            Self::Connect(error) => error.exit(),
            Self::Standby(error) => error.exit(),
            Self::Right(error) => error.exit(),
            Self::Migrate(error) => error.exit(),
            Self::Store(error) => error.exit(),
            Self::Clerk(error) => error.exit(),
            Self::Signals(_) | Self::Client(_) | Self::Output(_) => Exit::Unexpected,
        })
    }
}

impl CommandError {
    /// The error of a library, if it needs no explanation.
    pub(crate) fn cause(&self) -> &(dyn Error + 'static) {
        match self {
            Self::Signals(_) => self,
            _ => self.source().unwrap_or(self),
        }
    }

    /// Commands to run next.
    pub(crate) fn next_steps(&self) -> Vec<String> {
        match self {
            Self::Clerk(error) => error.next_steps(&COMMANDS),
            Self::Right(missing) => missing.statements.clone(),
            Self::Migrate(MigrateError::NotBegun(_)) => vec!["backfill plan".to_owned()],
            Self::Unchanged { .. } => vec!["winserve-admin clerk status".to_owned()],
            _ => Vec::new(),
        }
    }

    /// Names the missing right, if the error is about one.
    pub(crate) fn explained(
        self,
        changes_schema: bool,
        connect: impl FnOnce() -> Option<PgConnection>,
    ) -> Self {
        // Without a connection, the right cannot be looked up.
        if matches!(self, Self::Connect(_)) {
            return self;
        }
        let refused = output::sentence(self.cause());
        let missing = MissingRight::of(self.cause(), refused, changes_schema, connect);
        missing.map_or(self, Self::Right)
    }
}
