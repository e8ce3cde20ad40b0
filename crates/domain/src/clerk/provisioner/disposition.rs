//! What happens to a row of the outbox after an attempt to sync it.

use std::time::Duration;

use super::{Provisioner, WorkOutcome};
use crate::{
    base::{OrganizationId, StoreError},
    clerk::{DirectoryFailure, DirectoryRefusal, InstanceProblem, Lease, Reschedule},
    database::UnitOfWork,
};

/// The wait after the first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait after an answer was lost or a call was rejected.
const LONGEST_WAIT: Duration = Duration::from_mins(30);
/// How long all workers pause when Clerk could not be reached.
const ABSENCE: Duration = Duration::from_secs(1);
/// The longest wait after Clerk could not be reached.
pub(super) const LONGEST_ABSENCE: Duration = Duration::from_mins(1);
/// How long all workers pause while an operator has to fix the instance.
pub(super) const HALT: Duration = Duration::from_mins(1);

/// Why an attempt did not complete the row.
pub(super) enum AttemptError {
    /// The organization has changed since, or another worker holds the row now: start over.
    Again,
    /// No attempt can succeed: a code.
    Hopeless(&'static str),
    /// A bug in the program that may affect only this row.
    Panicked,
    /// A call to Clerk failed.
    Call(DirectoryFailure),
    /// Nothing is written; its lease expires.
    Store(StoreError),
}

impl From<DirectoryFailure> for AttemptError {
    fn from(failure: DirectoryFailure) -> Self {
        Self::Call(failure)
    }
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What happens to a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    Finished,
    /// Nothing is written; its lease expires.
    Left,
    /// Tried again later.
    Later {
        delay: Duration,
        counts: bool,
        failure: String,
        is_uncreated: bool,
    },
    /// Tried again later, and no worker calls Clerk until then.
    Paused {
        rest: Duration,
        delay: Duration,
        problem: Option<InstanceProblem>,
        failure: String,
        is_uncreated: bool,
    },
    /// Not retried until an operator requests it: the reason.
    DeadLetter(String),
}

impl Disposition {
    pub(super) fn of(
        error: AttemptError,
        attempts: u32,
        is_first_creation: bool,
        provisioner: &Provisioner,
    ) -> Self {
        let wait = |longest: Duration| {
            let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempts)).min(longest);
            doubled.mul_f64(0.5 + (provisioner.jitter)() / 2.0)
        };
        let failed = |failure: &str, delay: Duration, is_uncreated: bool| {
            if attempts.saturating_add(1) >= provisioner.limits.max_attempts {
                return Self::DeadLetter(failure.to_owned());
            }
            Self::Later { delay, counts: true, failure: failure.to_owned(), is_uncreated }
        };
        let paused = |rest, delay, problem: Option<InstanceProblem>, failure: &str| Self::Paused {
            rest,
            delay,
            problem,
            failure: failure.to_owned(),
            is_uncreated: is_first_creation,
        };
        match error {
            AttemptError::Store(_) => Self::Left,
            AttemptError::Again => Self::Later {
                delay: Duration::ZERO,
                counts: false,
                failure: "superseded".to_owned(),
                is_uncreated: false,
            },
            AttemptError::Hopeless(reason) => Self::DeadLetter(reason.to_owned()),
            AttemptError::Panicked => failed("panicked", wait(LONGEST_WAIT), false),
            AttemptError::Call(DirectoryFailure::NotSent(_)) => {
                paused(ABSENCE, wait(LONGEST_ABSENCE), None, "not-reached")
            }
            AttemptError::Call(DirectoryFailure::Busy(rest)) => paused(rest, rest, None, "busy"),
            AttemptError::Call(DirectoryFailure::Unknown { .. }) => {
                failed("no-answer", wait(LONGEST_WAIT).max(provisioner.limits.settle), false)
            }
            AttemptError::Call(DirectoryFailure::Refused(refusal)) => match refusal {
                DirectoryRefusal::Instance(problem) => {
                    paused(HALT, HALT, Some(problem), problem.as_str())
                }
                DirectoryRefusal::Conflict | DirectoryRefusal::NotFound => {
                    failed("conflict", wait(LONGEST_WAIT), is_first_creation)
                }
                // The organization exists: the next attempt finds it by its slug, once Clerk shows it.
                DirectoryRefusal::SlugTaken => {
                    failed("slug-taken", wait(LONGEST_WAIT).max(provisioner.limits.settle), false)
                }
                DirectoryRefusal::AlreadyMember
                | DirectoryRefusal::CreatorUnknown
                | DirectoryRefusal::CreatorFull => {
                    failed("refused", wait(LONGEST_WAIT), is_first_creation)
                }
                DirectoryRefusal::Unexplained(status) => {
                    failed(&format!("unexplained:{status}"), wait(LONGEST_WAIT), false)
                }
                DirectoryRefusal::Other(code) => Self::DeadLetter(format!("refused:{code}")),
            },
        }
    }

    pub(super) fn outcome(&self, organization: OrganizationId) -> WorkOutcome {
        let failed = |failure: &str, is_dead| WorkOutcome::Failed {
            organization,
            failure: failure.to_owned(),
            is_dead,
        };
        match self {
            Self::Finished => WorkOutcome::Synced(organization),
            Self::Left => failed("not-stored", false),
            Self::Paused { problem: Some(problem), .. } => WorkOutcome::Halted(*problem),
            Self::Later { failure, .. } | Self::Paused { failure, .. } => failed(failure, false),
            Self::DeadLetter(reason) => failed(reason, true),
        }
    }

    pub(super) fn write(&self, lease: &Lease, uow: &mut dyn UnitOfWork) -> Result<(), StoreError> {
        let mut provisioning = uow.provisioning();
        match self {
            Self::Finished => provisioning.finish(lease),
            Self::Left => Ok(()),
            Self::Later { delay, counts, failure, is_uncreated } => {
                let (delay, counts, is_uncreated) = (*delay, *counts, *is_uncreated);
                provisioning.reschedule(lease, &Reschedule { delay, counts, failure, is_uncreated })
            }
            Self::Paused { rest, delay, problem, failure, is_uncreated } => {
                let (delay, is_uncreated) = (*delay, *is_uncreated);
                let how = Reschedule { delay, counts: false, failure, is_uncreated };
                provisioning.reschedule(lease, &how)?;
                provisioning.pause(*rest, *problem)
            }
            Self::DeadLetter(reason) => provisioning.dead_letter(lease, reason),
        }
    }
}
