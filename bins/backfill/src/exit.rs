//! Exit codes (design §8): scripts branch on them.

use std::{
    error::Error,
    fmt,
    process::{ExitCode, Termination},
};

use winserve_domain::base::{Cancelled, StoreError};
use winserve_migration::Phase;
use winserve_migration::{
    RunError,
    migrate::MigrateError,
    phase::PhaseError,
    sql::{EnforceError, Refusal, refusal},
};
use winserve_persistence::{ConnectError, cancellation, is_about_hidden_rows, refusal_behind};
use winserve_settings::{
    SettingsError,
    database::{ClusterError, DatabaseError},
};

use crate::{phase::Refused, rights::MissingRight};

/// Shown by `--help`.
pub(crate) const HELP: &str = "\
Exit codes: 0 done; 1 unexpected; 2 usage or configuration; 10 precondition not met, nothing \
written; 21 paused, or cancelled at the database, run again; 22 stopped by a signal, run again; 23 rows remain, run again; 30 infrastructure, run again; \
40 error budget exceeded; 41 done, with rows in quarantine; 50 verify found defects; 60 enforce refused.";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// A bug.
    Unexpected,
    /// The command line or the configuration is wrong.
    Usage,
    /// The database is not in the state that the command needs; nothing was written.
    Precondition,
    /// Somebody paused it, or cancelled its statement on the database; run the same command again to
    /// continue.
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
    /// The two stores differ.
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
            22 => Self::Signal,
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
    if error.chain().any(is_about_hidden_rows) || error.is::<MissingRight>() {
        return Exit::Precondition;
    }
    if error.is::<Standby>() {
        return Exit::Infrastructure;
    }
    match error.downcast_ref::<ConnectError>() {
        Some(
            ConnectError::TooOld { .. } | ConnectError::Pooled { .. } | ConnectError::HiddenRows(_),
        ) => return Exit::Precondition,
        Some(ConnectError::Unavailable(refused)) if refused.reason.is_lasting() => {
            return Exit::Usage;
        }
        Some(ConnectError::Unavailable(_)) => return Exit::Infrastructure,
        Some(ConnectError::Session(error)) => {
            return match refusal(error) {
                // The role may not set what has to be set.
                Refusal::Data | Refusal::Defect => Exit::Precondition,
                _ => Exit::Infrastructure,
            };
        }
        None => {}
    }
    match cancellation(error.as_ref()) {
        Some(Cancelled::OnRequest) => return Exit::Paused,
        Some(Cancelled::TooSlow) => return Exit::Infrastructure,
        None => {}
    }
    // Whatever the command was about then.
    if passes(error) {
        return Exit::Infrastructure;
    }
    match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Failed(_) | MigrateError::Unread(_)) => return Exit::Unexpected,
        Some(MigrateError::Locked { .. } | MigrateError::Blocked { .. }) => {
            return Exit::Infrastructure;
        }
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
        Some(
            RunError::Election(_)
            | RunError::Clerk(_)
            | RunError::Unavailable(_)
            | RunError::Blocked(_),
        ) => return Exit::Infrastructure,
        Some(RunError::Cancelled { .. } | RunError::Failed(_)) => return Exit::Unexpected,
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
        Some(PhaseError::Busy { .. }) => return Exit::Infrastructure,
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

/// Whether the database refused for a reason that passes: the same command may succeed later.
fn passes(error: &anyhow::Error) -> bool {
    matches!(
        refusal_behind(error.as_ref()),
        Some(Refusal::ConnectionLost | Refusal::OutOfResources | Refusal::Contention)
    )
}

/// A command that writes was given a server that takes no writes.
#[derive(Debug)]
pub(crate) struct Standby;

impl fmt::Display for Standby {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "this server is a standby, which takes no writes; nothing was changed. Name the primary in \
             database.url, or all servers with target_session_attrs=read-write, then run the same command again",
        )
    }
}

impl Error for Standby {}

/// Whether an error says itself what to do about it.
fn has_advice(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(EnforceError::Blocked { .. }))
        || matches!(error.downcast_ref(), Some(PhaseError::Busy { .. }))
        || matches!(
            error.downcast_ref(),
            Some(MigrateError::Blocked { .. } | MigrateError::Locked { .. })
        )
}

/// What happened, for people.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let refused = refusal_behind(error.as_ref()).filter(|_| !has_advice(error));
    let what_to_do = match (cancellation(error.as_ref()), refused) {
        (Some(Cancelled::OnRequest), _) => {
            "by pg_cancel_backend, or because a program there ends long statements; PostgreSQL does not say who \
             did it. What was done is kept: run the same command again"
        }
        (Some(Cancelled::TooSlow), _) => {
            "long steps have no such limit, only those that live users would have to wait for: the database is \
             overloaded, or somebody keeps rows locked. What was done is kept: run the same command again"
        }
        (None, Some(Refusal::Contention)) => {
            "somebody keeps rows or a table locked; the lines above name who was waited for over five seconds. What \
             was done is kept: run the same command again"
        }
        (None, Some(Refusal::ConnectionLost)) => {
            "the server ended the connection, or takes no writes any more. What was done is kept: run the same \
             command again"
        }
        (None, Some(Refusal::OutOfResources)) => {
            "the server has no room left. What was done is kept: make room, then run the same command again"
        }
        (None, _) => return format!("{error:#}"),
    };
    format!("{error:#}; {what_to_do}")
}

/// Commands to run next after an error.
pub(crate) fn next_steps(error: &anyhow::Error) -> Vec<String> {
    let phase = error.downcast_ref().map(after_phase_error);
    let enforce = || error.downcast_ref().map(after_enforce_error);
    let run = || error.downcast_ref().map(after_run_error);
    let migrate = || error.downcast_ref().map(after_migrate_error);
    let refused = || error.is::<Refused>().then(|| one(PLAN));
    let right = || error.downcast_ref().map(|it: &MissingRight| it.statements.clone());
    let all = phase.or_else(enforce).or_else(run).or_else(migrate).or_else(refused).or_else(right);
    all.unwrap_or_default()
}

const PLAN: &str = "backfill plan";

fn one(command: &str) -> Vec<String> {
    vec![command.to_owned()]
}

fn after_phase_error(error: &PhaseError) -> Vec<String> {
    match error {
        PhaseError::NotExpanded => one("backfill migrate phase-1-expand"),
        PhaseError::NotReady { next_steps, .. } => next_steps.clone(),
        PhaseError::Losses { again, .. } => one(again),
        PhaseError::Enforced(phase) => vec![format!("backfill enforce {phase} --undo")],
        PhaseError::Changed { .. }
        | PhaseError::SwitchUnchanged { .. }
        | PhaseError::Busy { .. } => one(PLAN),
        PhaseError::UnknownCategory { .. } | PhaseError::Unreadable(_) | PhaseError::Failed(_) => {
            Vec::new()
        }
    }
}

fn after_enforce_error(error: &EnforceError) -> Vec<String> {
    match error {
        EnforceError::WrongPhase { phase, wanted } if phase > wanted => one("backfill phase back"),
        EnforceError::WrongPhase { .. } => one("backfill phase advance"),
        EnforceError::NotVerified => one("backfill verify"),
        EnforceError::Unfinished(job) => one(job.command()),
        // From phase 2 on, no run links anything any more.
        EnforceError::Missing { table: "voter_file_filter", .. } => {
            one("backfill repair --compare")
        }
        EnforceError::Missing { .. } => one("backfill run organizations"),
        EnforceError::ProcessesBehind { .. } => one("backfill enforce phase-2"),
        EnforceError::Dropped { .. } => one("backfill migrate phase-2-expand"),
        EnforceError::Blocked { .. } | EnforceError::Unavailable(_) => one(PLAN),
        EnforceError::SwitchOff => one("backfill phase advance phase-1b"),
        EnforceError::Untold { .. } => one("backfill run clerk-organizations"),
        EnforceError::DeadLetters { .. } | EnforceError::UnknownReason(_) => {
            one("backfill quarantine list")
        }
        EnforceError::Failed(_) => Vec::new(),
    }
}

fn after_run_error(error: &RunError) -> Vec<String> {
    match error {
        RunError::WrongPhase(Phase::Legacy) => one("backfill phase advance"),
        // The runs have done their work; later changes are fixed row by row.
        RunError::WrongPhase(Phase::Two) => one("backfill repair --compare"),
        RunError::WrongPhase(_) => one(PLAN),
        RunError::NotYet(command) => one(command),
        RunError::TurnedOff => one("backfill phase advance phase-1b"),
        RunError::Stopped
        | RunError::NoElectionApi
        | RunError::BudgetExceeded { .. }
        | RunError::Election(_)
        | RunError::ClerkInstance(_)
        | RunError::Clerk(_)
        | RunError::Unavailable(_)
        | RunError::Blocked(_)
        | RunError::Cancelled { .. }
        | RunError::Failed(_) => Vec::new(),
    }
}

fn after_migrate_error(error: &MigrateError) -> Vec<String> {
    match error {
        MigrateError::Empty => one("backfill migrate baseline"),
        MigrateError::PhaseInUse => one("backfill phase back"),
        MigrateError::SwitchInUse => one("backfill phase back phase-1b"),
        MigrateError::UntoldClerk(_) => one("backfill phase advance phase-1b"),
        MigrateError::FormerGroup(group) => vec![format!("backfill migrate {group}")],
        MigrateError::LaterGroup(group) => vec![format!("backfill migrate {group} --undo")],
        MigrateError::Incomplete { .. }
        | MigrateError::Foreign { .. }
        | MigrateError::Unexpected(_)
        | MigrateError::Newer { .. }
        | MigrateError::WithoutCampaign { .. }
        | MigrateError::Rights { .. }
        | MigrateError::Locked { .. }
        | MigrateError::Blocked { .. }
        | MigrateError::Unread(_)
        | MigrateError::Failed(_) => Vec::new(),
    }
}
