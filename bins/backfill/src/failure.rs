//! Why a command failed: its exit code (design §8), and what to do next.

use std::{error::Error, io};

use winserve_admin::{
    Exit, Failure, MissingRight, Standby,
    output::{self, OutputError},
};
use winserve_clerk::ClientError as ClerkClientError;
use winserve_domain::base::StoreError;
use winserve_migration::{
    RunError, commands,
    migrate::{self, MigrateError},
    phase::PhaseError,
    sql::EnforceError,
};
use winserve_persistence::{ConnectError, PgConnection, QueryError};
use winserve_settings::{
    SettingsError,
    database::{ClusterError, DatabaseError},
};
use winserve_upstreams::ClientError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) enum CommandError {
    Settings(#[from] SettingsError),
    Signals(#[from] io::Error),
    Database(#[from] DatabaseError),
    Cluster(#[from] ClusterError),
    Connect(#[from] ConnectError),
    Standby(#[from] Standby),
    Right(#[from] MissingRight),
    Migrate(#[from] MigrateError),
    Store(#[from] StoreError),
    Query(#[from] QueryError),
    Run(#[from] RunError),
    Enforce(#[from] EnforceError),
    Phase(#[from] PhaseError),
    Election(#[from] ClientError),
    Clerk(#[from] ClerkClientError),
    Output(#[from] OutputError),
    /// There is no such step between phases.
    NoStep(String),
}

impl Failure for CommandError {
    fn exit(&self) -> Exit {
        Exit::of_causes(self.cause()).unwrap_or_else(|| match self {
            Self::Settings(_) => Exit::Usage,
            Self::Database(DatabaseError::None { .. }) | Self::NoStep(_) => Exit::Precondition,
            Self::Database(DatabaseError::Cluster(_)) | Self::Cluster(_) => Exit::Infrastructure,
            Self::Connect(error) => error.exit(),
            Self::Standby(error) => error.exit(),
            Self::Right(error) => error.exit(),
            Self::Migrate(error) => error.exit(),
            Self::Store(error) => error.exit(),
            Self::Run(error) => error.exit(),
            Self::Enforce(error) => error.exit(),
            Self::Phase(error) => error.exit(),
            Self::Signals(_)
            | Self::Query(_)
            | Self::Election(_)
            | Self::Clerk(_)
            | Self::Output(_) => Exit::Unexpected,
        })
    }
}

impl CommandError {
    /// The error of the library.
    fn cause(&self) -> &(dyn Error + 'static) {
        self.source().unwrap_or(self)
    }

    /// What happened, for people.
    pub(crate) fn sentence(&self) -> String {
        let has_advice = matches!(
            self,
            Self::Enforce(EnforceError::Blocked { .. })
                | Self::Phase(PhaseError::Busy { .. })
                | Self::Migrate(MigrateError::Blocked { .. } | MigrateError::Locked { .. })
        );
        if has_advice { output::with_causes(self.cause()) } else { output::sentence(self.cause()) }
    }

    /// Commands to run next.
    pub(crate) fn next_steps(&self) -> Vec<String> {
        match self {
            Self::Phase(error) => error.next_steps(),
            Self::Enforce(error) => error.next_steps(),
            Self::Run(error) => error.next_steps(),
            Self::Migrate(error) => migrate::next_steps(error),
            Self::NoStep(_) => vec![commands::PLAN.to_owned()],
            Self::Right(missing) => missing.statements.clone(),
            Self::Settings(_)
            | Self::Signals(_)
            | Self::Database(_)
            | Self::Cluster(_)
            | Self::Connect(_)
            | Self::Standby(_)
            | Self::Store(_)
            | Self::Query(_)
            | Self::Election(_)
            | Self::Clerk(_)
            | Self::Output(_) => Vec::new(),
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
        let refused = output::with_causes(self.cause());
        let missing = MissingRight::of(self.cause(), refused, changes_schema, connect);
        missing.map_or(self, Self::Right)
    }
}
