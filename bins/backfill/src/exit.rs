//! Exit codes (design §8): scripts branch on them.

use std::process::{ExitCode, Termination};

use winserve_domain::unit_of_work::StoreError;
use winserve_persistence::{migrate::MigrateError, phase::PhaseError};
use winserve_settings::{
    SettingsError,
    database::{ClusterError, DatabaseError},
};

use crate::phase::Refused;

/// Shown by `--help`.
pub(crate) const HELP: &str = "\
Exit codes: 0 done; 1 unexpected; 2 usage or configuration; 10 precondition not met, nothing \
written; 30 infrastructure, try again.";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// A defect.
    Unexpected,
    /// The command line or the configuration is wrong.
    Usage,
    /// The database is not in the state that the command needs; nothing was written.
    Precondition,
    /// The database or the private cluster cannot be reached; nothing is lost.
    Infrastructure,
}

impl Exit {
    /// The number that scripts see.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Precondition => 10,
            Self::Infrastructure => 30,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// The code for an error.
pub(crate) fn of(error: &anyhow::Error) -> Exit {
    if error.is::<SettingsError>() {
        return Exit::Usage;
    }
    match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Failed(_)) => return Exit::Unexpected,
        Some(MigrateError::Locked | MigrateError::Blocked { .. }) => return Exit::Infrastructure,
        Some(_) => return Exit::Precondition,
        None => {}
    }
    if error.is::<Refused>() {
        return Exit::Precondition;
    }
    match error.downcast_ref::<PhaseError>() {
        Some(PhaseError::Failed(_)) => return Exit::Unexpected,
        Some(PhaseError::Busy(_)) => return Exit::Infrastructure,
        Some(_) => return Exit::Precondition,
        None => {}
    }
    match (error.downcast_ref::<StoreError>(), error.downcast_ref::<DatabaseError>()) {
        (_, Some(DatabaseError::None { .. })) => Exit::Precondition,
        (Some(StoreError::Unavailable(_)), _) | (_, Some(DatabaseError::Cluster(_))) => {
            Exit::Infrastructure
        }
        _ if error.is::<ClusterError>() => Exit::Infrastructure,
        _ => Exit::Unexpected,
    }
}

/// Commands that lead on from an error.
pub(crate) fn next_steps(error: &anyhow::Error) -> Vec<&'static str> {
    if matches!(error.downcast_ref::<PhaseError>(), Some(PhaseError::NotExpanded)) {
        return vec!["backfill migrate phase-1-expand"];
    }
    match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Empty) => vec!["backfill migrate baseline"],
        Some(MigrateError::PhaseInUse) => vec!["backfill phase back"],
        _ => Vec::new(),
    }
}
