//! Exit codes (design §8): scripts branch on them.

use std::process::{ExitCode, Termination};

use winserve_domain::unit_of_work::StoreError;
use winserve_persistence::migrate::MigrateError;
use winserve_settings::SettingsError;

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

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Precondition => 10,
            Self::Infrastructure => 30,
        })
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
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Unavailable(_)) => Exit::Infrastructure,
        _ if error.is::<winserve_settings::database::ClusterError>() => Exit::Infrastructure,
        _ => Exit::Unexpected,
    }
}
