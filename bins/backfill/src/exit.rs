//! Exit codes (design §8): scripts branch on them.

use std::process::{ExitCode, Termination};

use winserve_backfill::RunError;
use winserve_domain::{phase::Phase, unit_of_work::StoreError};
use winserve_persistence::{
    backfill::{EnforceError, Job},
    migrate::MigrateError,
    phase::PhaseError,
};
use winserve_settings::{
    SettingsError,
    database::{ClusterError, DatabaseError},
};

use crate::phase::Refused;

/// Shown by `--help`.
pub(crate) const HELP: &str = "\
Exit codes: 0 done; 1 unexpected; 2 usage or configuration; 10 precondition not met, nothing \
written; 21 paused, run again; 22 stopped by a signal, run again; 23 rows remain, run again; 30 infrastructure, run again; \
40 error budget exceeded; 41 done, with rows in quarantine; 50 verify found defects; 60 enforce refused.";

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
    /// Somebody paused it; the same command goes on.
    Paused,
    /// A signal stopped it; the same command goes on.
    Signal,
    /// Rows remain; the same command goes on.
    RowsRemain,
    /// The database, the private cluster or Clerk cannot be reached; nothing is lost.
    Infrastructure,
    /// The database refuses too many rows.
    BudgetExceeded,
    /// Done, and people should look at some rows.
    Quarantine,
    /// The two stores do not say the same.
    Defects,
    /// NOT NULL cannot be enforced.
    EnforceRefused,
}

impl Exit {
    /// The number that scripts see.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Precondition => 10,
            Self::Paused => 21,
            Self::Signal => 22,
            Self::RowsRemain => 23,
            Self::Infrastructure => 30,
            Self::BudgetExceeded => 40,
            Self::Quarantine => 41,
            Self::Defects => 50,
            Self::EnforceRefused => 60,
        }
    }

    /// How a run ended.
    pub(crate) const fn of_run(code: u8) -> Self {
        match code {
            0 => Self::Done,
            21 => Self::Paused,
            23 => Self::RowsRemain,
            30 => Self::Infrastructure,
            40 => Self::BudgetExceeded,
            41 => Self::Quarantine,
            50 => Self::Defects,
            _ => Self::Unexpected,
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
    match error.downcast_ref::<RunError>() {
        Some(
            RunError::WrongPhase(_)
            | RunError::NotYet(_)
            | RunError::NoElectionApi
            | RunError::ClerkInstance(_),
        ) => return Exit::Precondition,
        Some(RunError::TurnedOff) => return Exit::Paused,
        Some(RunError::Stopped) => return Exit::Signal,
        Some(RunError::BudgetExceeded { .. }) => return Exit::BudgetExceeded,
        Some(RunError::Election(_) | RunError::Clerk(_) | RunError::Unavailable(_)) => {
            return Exit::Infrastructure;
        }
        Some(RunError::Failed(_)) => return Exit::Unexpected,
        None => {}
    }
    match error.downcast_ref::<EnforceError>() {
        Some(
            EnforceError::WrongPhase { .. }
            | EnforceError::ProcessesBehind { .. }
            | EnforceError::Dropped { .. }
            | EnforceError::SwitchOff
            | EnforceError::UnknownReason(_),
        ) => return Exit::Precondition,
        Some(
            EnforceError::NotVerified
            | EnforceError::Missing { .. }
            | EnforceError::Unfinished(_)
            | EnforceError::Untold { .. }
            | EnforceError::DeadLetters { .. },
        ) => return Exit::EnforceRefused,
        Some(EnforceError::Blocked { .. } | EnforceError::Unavailable(_)) => {
            return Exit::Infrastructure;
        }
        Some(EnforceError::Failed(_)) => return Exit::Unexpected,
        None => {}
    }
    match error.downcast_ref::<PhaseError>() {
        Some(PhaseError::Failed(_) | PhaseError::Unreadable(_)) => return Exit::Unexpected,
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
    match error.downcast_ref::<PhaseError>() {
        Some(PhaseError::NotExpanded) => return vec!["backfill migrate phase-1-expand"],
        Some(PhaseError::Enforced(Phase::Two)) => return vec!["backfill enforce phase-2 --undo"],
        Some(PhaseError::Enforced(_)) => return vec!["backfill enforce phase-1 --undo"],
        _ => {}
    }
    match error.downcast_ref::<EnforceError>() {
        Some(EnforceError::WrongPhase { phase, wanted }) if phase > wanted => {
            return vec!["backfill phase back"];
        }
        Some(EnforceError::WrongPhase { .. }) => return vec!["backfill phase advance"],
        Some(EnforceError::NotVerified) => return vec!["backfill verify"],
        Some(
            EnforceError::Unfinished(Job::VoterFileFilters)
            | EnforceError::Missing { table: "voter_file_filter", .. },
        ) => return vec!["backfill run voter-file-filters", "backfill verify"],
        Some(EnforceError::Unfinished(Job::Positions)) => {
            return vec!["backfill run positions", "backfill verify"];
        }
        Some(EnforceError::Missing { .. } | EnforceError::Unfinished(_)) => {
            return vec!["backfill run organizations", "backfill verify"];
        }
        Some(EnforceError::Blocked { .. } | EnforceError::Unavailable(_)) => {
            return vec!["backfill plan"];
        }
        Some(EnforceError::SwitchOff) => return vec!["backfill phase advance phase-1b"],
        Some(EnforceError::Untold { .. }) => return vec!["backfill run clerk-organizations"],
        Some(EnforceError::DeadLetters { .. } | EnforceError::UnknownReason(_)) => {
            return vec!["backfill quarantine list"];
        }
        Some(
            EnforceError::Failed(_)
            | EnforceError::ProcessesBehind { .. }
            | EnforceError::Dropped { .. },
        )
        | None => {}
    }
    match error.downcast_ref::<RunError>() {
        Some(RunError::WrongPhase(Phase::Legacy)) => return vec!["backfill phase advance"],
        Some(RunError::WrongPhase(_)) => return vec!["backfill plan"],
        Some(RunError::NotYet(command)) => return vec![command],
        Some(RunError::TurnedOff) => return vec!["backfill phase advance phase-1b"],
        _ => {}
    }
    match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Empty) => vec!["backfill migrate baseline"],
        Some(MigrateError::PhaseInUse) => vec!["backfill phase back"],
        Some(MigrateError::SwitchInUse) => vec!["backfill phase back phase-1b"],
        Some(MigrateError::UntoldClerk(_)) => vec!["backfill phase advance phase-1b"],
        _ => Vec::new(),
    }
}
