//! What becomes of a row of the outbox, by how the attempt to tell Clerk went.

use std::time::Duration;

use super::{Provisioner, Turn};
use crate::{
    base::{OrganizationId, StoreError},
    clerk::{DirectoryFailure, DirectoryRefusal, GiveBack, InstanceProblem, Lease},
    database::UnitOfWork,
};

/// The wait after the first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait for Clerk to answer again.
const LONGEST_WAIT: Duration = Duration::from_mins(30);
/// How long all workers leave Clerk alone when it could not be reached.
const ABSENCE: Duration = Duration::from_secs(1);
/// The longest wait for Clerk to be reached again.
pub(super) const LONGEST_ABSENCE: Duration = Duration::from_mins(1);
/// How long they do while people have to change something.
pub(super) const HALT: Duration = Duration::from_mins(1);

/// Why a row is not done.
pub(super) enum Setback {
    /// What was found has changed meanwhile, or the row is another worker's by now: from the beginning.
    Again,
    /// No attempt can succeed: a code.
    Hopeless(&'static str),
    /// The program has a defect, which may show with this row alone.
    Panicked,
    /// A call failed.
    Call(DirectoryFailure),
    /// The database failed; the lease ends by itself.
    Store(StoreError),
}

impl From<DirectoryFailure> for Setback {
    fn from(failure: DirectoryFailure) -> Self {
        Self::Call(failure)
    }
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What becomes of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Finished,
    /// Its lease ends by itself.
    Left,
    /// For another time.
    Later {
        delay: Duration,
        counts: bool,
        failure: String,
        is_uncreated: bool,
    },
    /// For another time, and Clerk is left alone until then.
    Paused {
        rest: Duration,
        delay: Duration,
        problem: Option<InstanceProblem>,
        failure: String,
        is_uncreated: bool,
    },
    /// Given up.
    Buried(String),
}

impl Verdict {
    pub(super) fn of(
        setback: Setback,
        attempts: u32,
        is_first_creation: bool,
        provisioner: &Provisioner,
    ) -> Self {
        let wait = |longest: Duration| {
            let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempts)).min(longest);
            doubled.mul_f64(0.5 + (provisioner.jitter)() / 2.0)
        };
        let failed = |failure: &str, delay: Duration, is_uncreated: bool| {
            if attempts.saturating_add(1) >= provisioner.pace.max_attempts {
                return Self::Buried(failure.to_owned());
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
        match setback {
            Setback::Store(_) => Self::Left,
            Setback::Again => Self::Later {
                delay: Duration::ZERO,
                counts: false,
                failure: "superseded".to_owned(),
                is_uncreated: false,
            },
            Setback::Hopeless(reason) => Self::Buried(reason.to_owned()),
            Setback::Panicked => failed("panicked", wait(LONGEST_WAIT), false),
            Setback::Call(DirectoryFailure::NotSent(_)) => {
                paused(ABSENCE, wait(LONGEST_ABSENCE), None, "not-reached")
            }
            Setback::Call(DirectoryFailure::Busy(rest)) => paused(rest, rest, None, "busy"),
            Setback::Call(DirectoryFailure::Unknown { .. }) => {
                failed("no-answer", wait(LONGEST_WAIT).max(provisioner.pace.settle), false)
            }
            Setback::Call(DirectoryFailure::Refused(refusal)) => match refusal {
                DirectoryRefusal::Instance(problem) => {
                    paused(HALT, HALT, Some(problem), problem.as_str())
                }
                DirectoryRefusal::Conflict | DirectoryRefusal::NotFound => {
                    failed("conflict", wait(LONGEST_WAIT), is_first_creation)
                }
                // Its slug is there: it is looked for by it, once Clerk shows it.
                DirectoryRefusal::SlugTaken => {
                    failed("slug-taken", wait(LONGEST_WAIT).max(provisioner.pace.settle), false)
                }
                DirectoryRefusal::AlreadyMember
                | DirectoryRefusal::CreatorUnknown
                | DirectoryRefusal::CreatorFull => {
                    failed("refused", wait(LONGEST_WAIT), is_first_creation)
                }
                DirectoryRefusal::Unexplained(status) => {
                    failed(&format!("unexplained:{status}"), wait(LONGEST_WAIT), false)
                }
                DirectoryRefusal::Other(code) => Self::Buried(format!("refused:{code}")),
            },
        }
    }

    pub(super) fn turn(&self, organization: OrganizationId) -> Turn {
        let failed = |failure: &str, is_dead| Turn::Failed {
            organization,
            failure: failure.to_owned(),
            is_dead,
        };
        match self {
            Self::Finished => Turn::Told(organization),
            Self::Left => failed("not-stored", false),
            Self::Paused { problem: Some(problem), .. } => Turn::Halted(*problem),
            Self::Later { failure, .. } | Self::Paused { failure, .. } => failed(failure, false),
            Self::Buried(reason) => failed(reason, true),
        }
    }

    pub(super) fn write(&self, lease: &Lease, uow: &mut dyn UnitOfWork) -> Result<(), StoreError> {
        let mut provisioning = uow.provisioning();
        match self {
            Self::Finished => provisioning.finish(lease),
            Self::Left => Ok(()),
            Self::Later { delay, counts, failure, is_uncreated } => {
                let (delay, counts, is_uncreated) = (*delay, *counts, *is_uncreated);
                provisioning.give_back(lease, &GiveBack { delay, counts, failure, is_uncreated })
            }
            Self::Paused { rest, delay, problem, failure, is_uncreated } => {
                let (delay, is_uncreated) = (*delay, *is_uncreated);
                let how = GiveBack { delay, counts: false, failure, is_uncreated };
                provisioning.give_back(lease, &how)?;
                provisioning.pause(*rest, *problem)
            }
            Self::Buried(reason) => provisioning.bury(lease, reason),
        }
    }
}
