//! Exit codes (design §8) for scripts.

use std::{
    error::Error,
    iter,
    process::{ExitCode, Termination},
};

use winserve_domain::base::{Cancelled, StoreError};
use winserve_persistence::{
    ConnectError, Refusal, cancellation, is_about_hidden_rows, migrate::MigrateError, refusal,
    refusal_behind,
};

/// Shown by `--help`.
pub const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 unexpected; 2 usage or configuration; 10 precondition not met, nothing \
written; 21 paused, or cancelled at the database, run again; 22 stopped by a signal, run again; 23 rows remain, run again; 30 infrastructure, run again; \
40 error budget exceeded; 41 done, with rows in quarantine; 50 verify found defects; 60 enforce refused; \
70 clean refused rows.";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// A bug.
    Unexpected,
    /// The command line or the configuration is wrong.
    Usage,
    /// The database is not in the state that the command needs; nothing was written.
    Precondition,
    /// The run was paused, or its statement was cancelled at the database; run the same command
    /// again to continue.
    Paused,
    /// A signal stopped it; run the same command again to continue.
    Signal,
    /// Rows remain; run the same command again to continue.
    RowsRemain,
    /// The database, the private cluster or Clerk cannot be reached; nothing is lost.
    Infrastructure,
    /// The database rejects too many rows.
    BudgetExceeded,
    /// Done, but some rows need a person.
    Quarantine,
    /// A comparison found differences.
    Defects,
    /// A constraint cannot be enforced.
    EnforceRefused,
    /// The JSON and the tables differ in rows that `backfill clean` therefore left unchanged.
    CleanRefused,
}

impl Exit {
    const ALL: [Self; 13] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::Precondition,
        Self::Paused,
        Self::Signal,
        Self::RowsRemain,
        Self::Infrastructure,
        Self::BudgetExceeded,
        Self::Quarantine,
        Self::Defects,
        Self::EnforceRefused,
        Self::CleanRefused,
    ];

    /// The number for scripts.
    #[must_use]
    pub const fn code(self) -> u8 {
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
            Self::CleanRefused => 70,
        }
    }

    /// Parses the number in a report.
    #[must_use]
    pub fn of_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Unexpected)
    }

    /// The exit code from an error's causes, whatever its type: a cancelled statement, hidden rows,
    /// or a temporary database error.
    #[must_use]
    pub fn of_causes(error: &(dyn Error + 'static)) -> Option<Self> {
        if iter::successors(Some(error), |&error| error.source()).any(is_about_hidden_rows) {
            return Some(Self::Precondition);
        }
        match cancellation(error) {
            Some(Cancelled::OnRequest) => return Some(Self::Paused),
            Some(Cancelled::TooSlow) => return Some(Self::Infrastructure),
            None => {}
        }
        // A temporary database error, whatever the command was doing.
        match refusal_behind(error)? {
            Refusal::ConnectionLost | Refusal::OutOfResources | Refusal::Contention => {
                Some(Self::Infrastructure)
            }
            Refusal::TooSlow | Refusal::Data | Refusal::Defect => None,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// An error that ends a command.
pub trait Failure {
    /// The exit code.
    fn exit(&self) -> Exit;
}

impl Failure for ConnectError {
    fn exit(&self) -> Exit {
        match self {
            Self::TooOld { .. } | Self::Pooled { .. } | Self::HiddenRows(_) => Exit::Precondition,
            Self::Unavailable(refused) if refused.reason.is_lasting() => Exit::Usage,
            Self::Unavailable(_) => Exit::Infrastructure,
            Self::Session(error) => match refusal(error) {
                // The role may not change a required setting.
                Refusal::Data | Refusal::Defect => Exit::Precondition,
                _ => Exit::Infrastructure,
            },
        }
    }
}

impl Failure for MigrateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) | Self::Unread(_) => Exit::Unexpected,
            Self::Locked { .. } | Self::Blocked { .. } => Exit::Infrastructure,
            _ => Exit::Precondition,
        }
    }
}

impl Failure for StoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unavailable(_) => Exit::Infrastructure,
            _ => Exit::Unexpected,
        }
    }
}

/// A writing command was given a read-only server.
#[derive(Debug, thiserror::Error)]
#[error(
    "this server is a read-only standby; nothing was changed. Name the primary in database.url, or all \
     servers with target_session_attrs=read-write, then run the same command again"
)]
pub struct Standby;

impl Failure for Standby {
    fn exit(&self) -> Exit {
        Exit::Infrastructure
    }
}
