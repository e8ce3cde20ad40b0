//! How an error of the tool ends a command (design §8).

pub(crate) use winserve_admin::Exit;
use winserve_admin::{Failure, MissingRight, Standby, output};
use winserve_domain::base::StoreError;
use winserve_migration::Phase;
use winserve_migration::{
    CLERK_COMMANDS, RunError, migrate::MigrateError, phase::PhaseError, sql::EnforceError,
};
use winserve_persistence::ConnectError;
use winserve_settings::{
    SettingsError,
    database::{ClusterError, DatabaseError},
};

use crate::phase::Refused;

/// The code for an error.
pub(crate) fn of(error: &anyhow::Error) -> Exit {
    if error.is::<SettingsError>() {
        return Exit::Usage;
    }
    if let Some(exit) = Exit::of_causes(error.as_ref()) {
        return exit;
    }
    let shared = of_type::<MissingRight>(error)
        .or_else(|| of_type::<Standby>(error))
        .or_else(|| of_type::<ConnectError>(error))
        .or_else(|| of_type::<MigrateError>(error))
        .or_else(|| of_type::<StoreError>(error));
    if let Some(exit) = shared {
        return exit;
    }
    if error.is::<Refused>() {
        return Exit::Precondition;
    }
    match error.downcast_ref::<RunError>() {
        Some(RunError::WrongPhase(_) | RunError::NotYet(_) | RunError::NoElectionApi) => {
            return Exit::Precondition;
        }
        Some(RunError::Clerk(error)) => return error.exit(),
        Some(RunError::Stopped) => return Exit::Signal,
        Some(RunError::BudgetExceeded { .. }) => return Exit::BudgetExceeded,
        Some(RunError::Election(_) | RunError::Unavailable(_) | RunError::Blocked(_)) => {
            return Exit::Infrastructure;
        }
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
    match error.downcast_ref::<DatabaseError>() {
        Some(DatabaseError::None { .. }) => Exit::Precondition,
        Some(DatabaseError::Cluster(_)) => Exit::Infrastructure,
        None if error.is::<ClusterError>() => Exit::Infrastructure,
        None => Exit::Unexpected,
    }
}

/// The exit of an error, if it is of this type.
fn of_type<E: Failure + std::error::Error + Send + Sync + 'static>(
    error: &anyhow::Error,
) -> Option<Exit> {
    error.downcast_ref::<E>().map(Failure::exit)
}

/// Whether an error already says what to do.
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
    if has_advice(error) { format!("{error:#}") } else { output::sentence(error.as_ref()) }
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
        // From phase 2 on, runs link nothing.
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
        // The runs are done; later changes are fixed row by row.
        RunError::WrongPhase(Phase::Two) => one("backfill repair --compare"),
        RunError::WrongPhase(_) => one(PLAN),
        RunError::NotYet(command) => one(command),
        RunError::Clerk(error) => error.next_steps(&CLERK_COMMANDS),
        RunError::Stopped
        | RunError::NoElectionApi
        | RunError::BudgetExceeded { .. }
        | RunError::Election(_)
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
        MigrateError::NotSynced(_) => one("backfill phase advance phase-1b"),
        MigrateError::FormerGroup(group) => vec![format!("backfill migrate {group}")],
        MigrateError::LaterGroup(group) => vec![format!("backfill migrate {group} --undo")],
        MigrateError::NotBegun(_) => one(PLAN),
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
