//! The path of the migration (design §8): each step is described once. `plan`, jobs, gates, reports and errors
//! take commands, conditions and the order from here.

use std::ops::RangeInclusive;

use diesel::QueryResult;
use winserve_domain::base::StoreError;
use winserve_persistence::{PgConnection, clerk_outbox, store_error};

use crate::{
    commands,
    jobs::{self, BatchJob, elected_offices::ElectedOffices, filters::VoterFileFilters},
    legacy,
    migrate::{self, Group},
    phase::{self, Phase},
    run::engine::{RunError, Work as _},
    sql::{self as store, Job, Remaining, is_anything_of_phase_3_enforced},
};

/// A step of the path.
#[derive(Debug)]
pub struct Step {
    /// The command.
    pub command: &'static str,
    /// What it does.
    pub title: &'static str,
    /// Phases in which the command works, if it does not check that itself.
    pub(crate) phases: RangeInclusive<Phase>,
    /// Steps that have to be done before. The command itself checks what it requires of the data.
    pub(crate) after: &'static [&'static Step],
    /// Whether it is done. Enforced constraints and entered phases need no proof.
    pub(crate) is_done: fn(&mut PgConnection, Phase) -> Result<bool, StoreError>,
    /// The command to run when it is done.
    pub next: &'static str,
}

/// The path, in order.
pub(crate) const PATH: &[&Step] = &[
    &EXPAND_PHASE_1,
    &ADVANCE_TO_PHASE_1,
    &RUN_POSITIONS,
    &RUN_ORGANIZATIONS,
    &VERIFY,
    &ENFORCE_PHASE_1,
    &EXPAND_PHASE_2,
    &RUN_VOTER_FILE_FILTERS,
    &VERIFY_AGAIN,
    &ADVANCE_TO_PHASE_2,
    &ENFORCE_PHASE_2,
    &EXPAND_PHASE_3,
    &ADVANCE_TO_PHASE_3,
    &CLEAN,
    &ENFORCE_PHASE_3,
];

/// Optional steps in phase-1 and later, in order: no phase waits for them.
pub(crate) const BESIDE: &[&Step] =
    &[&EXPAND_PHASE_1B, &ADVANCE_PHASE_1B, &RUN_CLERK_ORGANIZATIONS, &ENFORCE_PHASE_1B];

/// Defaults of a row.
const STEP: Step = Step {
    command: commands::PLAN,
    title: "",
    phases: Phase::Legacy..=Phase::Three,
    after: &[],
    is_done: |_, _| Ok(false),
    next: commands::PLAN,
};
const WITH_TABLES: RangeInclusive<Phase> = Phase::One..=Phase::Three;
const IN_PHASE_1: RangeInclusive<Phase> = Phase::One..=Phase::One;
const IN_PHASE_2: RangeInclusive<Phase> = Phase::Two..=Phase::Two;
const IN_PHASE_3: RangeInclusive<Phase> = Phase::Three..=Phase::Three;

pub(crate) const EXPAND_PHASE_1: Step = Step {
    command: commands::EXPAND_PHASE_1,
    title: "tables, columns, constraints and triggers of phase 1",
    is_done: |connection, _| is_expanded(connection, Group::Phase1),
    ..STEP
};

pub(crate) const ADVANCE_TO_PHASE_1: Step = Step {
    command: "backfill phase advance --to phase-1",
    title: "offices and districts are written to both stores",
    after: &[&EXPAND_PHASE_1],
    is_done: |_, phase| Ok(phase >= Phase::One),
    ..STEP
};

pub(crate) const RUN_POSITIONS: Step = Step {
    command: Job::POSITIONS.command,
    title: "facts of every position that campaigns name",
    phases: IN_PHASE_1,
    after: &[&EXPAND_PHASE_1],
    is_done: |connection, phase| {
        Ok(phase >= Phase::Two || have_run(connection, &[Job::POSITIONS]).map_err(store_error)?)
    },
    next: RUN_ORGANIZATIONS.command,
};

/// It also requires that `positions` has finished once.
pub(crate) const RUN_ORGANIZATIONS: Step = Step {
    command: Job::CAMPAIGNS.command,
    title: "organization and position of campaigns and elected offices",
    phases: IN_PHASE_1,
    after: &[&EXPAND_PHASE_1],
    is_done: |connection, phase| {
        Ok(phase >= Phase::Two || are_holders_linked(connection).map_err(store_error)?)
    },
    next: VERIFY.command,
};

pub(crate) const VERIFY: Step = Step {
    command: commands::VERIFY,
    title: "every row of both stores is compared",
    phases: WITH_TABLES,
    after: &[&EXPAND_PHASE_1],
    is_done: |connection, _| is_verified(connection).map_err(store_error),
    ..STEP
};

/// NOT NULL of phase 1.
pub const ENFORCE_PHASE_1: Step = Step {
    command: commands::ENFORCE_PHASE_1,
    title: "organization and position are NOT NULL",
    phases: IN_PHASE_1,
    is_done: |connection, _| store::is_phase_1_enforced(connection).map_err(store_error),
    ..STEP
};

pub(crate) const EXPAND_PHASE_2: Step = Step {
    command: commands::EXPAND_PHASE_2,
    title: "filters of elected offices, and data that the gates check",
    is_done: |connection, _| is_expanded(connection, Group::Phase2),
    ..STEP
};

/// Every campaign has an organization for its filters then, and filters have a column for it.
pub(crate) const RUN_VOTER_FILE_FILTERS: Step = Step {
    command: Job::VOTER_FILE_FILTERS.command,
    title: "saved filters get the organization of their campaign",
    phases: IN_PHASE_1,
    after: &[&EXPAND_PHASE_1, &ENFORCE_PHASE_1, &EXPAND_PHASE_2],
    is_done: |connection, phase| {
        Ok(phase >= Phase::Two
            || (is_expanded(connection, Group::Phase2)?
                && are_filters_assigned(connection).map_err(store_error)?))
    },
    next: VERIFY.command,
};

pub(crate) const VERIFY_AGAIN: Step = Step {
    command: VERIFY.command,
    title: "every row is compared once more, for the gates",
    is_done: |connection, phase| {
        Ok(phase >= Phase::Two
            || ((RUN_VOTER_FILE_FILTERS.is_done)(connection, phase)?
                && is_verified_for_phase_2(connection).map_err(store_error)?))
    },
    ..STEP
};

pub(crate) const ADVANCE_TO_PHASE_2: Step = Step {
    command: "backfill phase advance --to phase-2",
    title: "offices and districts are read from the tables",
    after: &[&EXPAND_PHASE_1, &EXPAND_PHASE_2],
    is_done: |_, phase| Ok(phase >= Phase::Two),
    ..STEP
};

/// NOT NULL of phase 2.
pub const ENFORCE_PHASE_2: Step = Step {
    command: commands::ENFORCE_PHASE_2,
    title: "every saved filter has an organization",
    phases: IN_PHASE_2,
    is_done: |connection, phase| {
        Ok(phase >= Phase::Two && store::is_phase_2_enforced(connection).map_err(store_error)?)
    },
    ..STEP
};

pub(crate) const EXPAND_PHASE_3: Step = Step {
    command: commands::EXPAND_PHASE_3,
    title: "an office does not need a campaign",
    is_done: |connection, _| is_expanded(connection, Group::Phase3),
    ..STEP
};

pub(crate) const ADVANCE_TO_PHASE_3: Step = Step {
    command: "backfill phase advance --to phase-3",
    title: "offices and districts are written to the tables only",
    phases: IN_PHASE_2,
    after: &[&EXPAND_PHASE_1, &EXPAND_PHASE_2, &EXPAND_PHASE_3],
    is_done: |_, phase| Ok(phase >= Phase::Three),
    ..STEP
};

/// The command that puts back what `clean` removed from the JSON.
pub const RESTORE: &str = "backfill restore";

/// The end of the old keys in the JSON.
pub const CLEAN: Step = Step {
    command: commands::CLEAN,
    title: "the old keys are moved from the JSON to an archive",
    phases: IN_PHASE_3,
    after: &[&EXPAND_PHASE_3],
    is_done: |connection, phase| {
        // Afterwards, the JSON does not matter any more.
        Ok(phase >= Phase::Three
            && (is_anything_of_phase_3_enforced(connection).map_err(store_error)?
                || jobs::clean::is_done(connection).map_err(store_error)?))
    },
    ..STEP
};

/// The end of the migration.
pub const ENFORCE_PHASE_3: Step = Step {
    command: commands::ENFORCE_PHASE_3,
    title: "the old columns and triggers are dropped; this cannot be undone",
    phases: IN_PHASE_3,
    after: &[&EXPAND_PHASE_3],
    is_done: |connection, _| is_expanded(connection, Group::Phase3Enforce),
    ..STEP
};

/// The way back from [`CLEAN`].
pub const PUT_BACK: Step = Step {
    command: RESTORE,
    title: "the old keys are put back from the archive to the JSON",
    phases: IN_PHASE_3,
    after: &[&EXPAND_PHASE_3],
    next: commands::BACK,
    ..STEP
};

/// The schema of phase 1b.
pub const EXPAND_PHASE_1B: Step = Step {
    command: commands::EXPAND_PHASE_1B,
    title: "optional: create the Clerk outbox",
    is_done: |connection, _| is_expanded(connection, Group::Phase1b),
    next: commands::TURN_ON,
    ..STEP
};

/// Turning phase 1b on.
pub const ADVANCE_PHASE_1B: Step = Step {
    command: commands::TURN_ON,
    title: "optional: start syncing organizations to Clerk",
    phases: WITH_TABLES,
    after: &[&EXPAND_PHASE_1B],
    is_done: |connection, _| clerk_outbox::is_on(connection).map_err(store_error),
    next: RUN_CLERK_ORGANIZATIONS.command,
};

pub(crate) const RUN_CLERK_ORGANIZATIONS: Step = Step {
    command: Job::CLERK_ORGANIZATIONS.command,
    title: "optional: sync every organization to Clerk",
    phases: WITH_TABLES,
    is_done: |connection, _| is_clerk_up_to_date(connection).map_err(store_error),
    next: ENFORCE_PHASE_1B.command,
    ..STEP
};

/// The proof of phase 1b.
pub const ENFORCE_PHASE_1B: Step = Step {
    command: commands::ENFORCE_PHASE_1B,
    title: "optional: prove that every organization is synced or queued",
    is_done: |connection, _| store::is_phase_1b_enforced(connection).map_err(store_error),
    ..STEP
};

/// The first of these steps that is not done.
pub(crate) fn first_undone(
    connection: &mut PgConnection,
    steps: &[&'static Step],
) -> Result<Option<&'static Step>, StoreError> {
    let phase = phase::read(connection).map_err(store_error)?;
    for step in steps {
        if !(step.is_done)(connection, phase)? {
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// The place of a job on the path.
pub(crate) fn of_job(job: &BatchJob) -> Option<&'static Step> {
    PATH.iter().copied().find(|step| job.runs.iter().any(|run| run.command == step.command))
}

/// Whether a job or a verification may run now; returns the phase.
pub(crate) fn require(connection: &mut PgConnection, step: &Step) -> Result<Phase, RunError> {
    let phase = phase::read(connection)?;
    if !step.phases.contains(&phase) {
        return Err(RunError::wrong_phase(phase, *step.phases.start()));
    }
    if step.phases == IN_PHASE_3 && is_anything_of_phase_3_enforced(connection)? {
        return Err(RunError::Over);
    }
    match first_undone(connection, step.after)? {
        Some(first) => Err(RunError::NotYet(first.command)),
        None => Ok(phase),
    }
}

/// Whether a group is applied completely.
pub(crate) fn is_expanded(connection: &mut PgConnection, group: Group) -> Result<bool, StoreError> {
    migrate::is_expanded(connection, group).map_err(|error| StoreError::Other(error.into()))
}

/// Whether the last run of each job ended without leaving rows. An interrupted run is not done; verifications
/// do not count until it ends.
fn have_run(connection: &mut PgConnection, jobs: &[Job]) -> QueryResult<bool> {
    let is_enforced = store::is_phase_1_enforced(connection)?;
    for job in jobs {
        let has_ended = is_enforced
            || store::last_finished(connection, *job)?.is_some_and(|run| run.is_complete());
        if !has_ended || store::is_under_way(connection, *job)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether campaigns and elected offices are linked, apart from those that another run would get rejected
/// again.
fn are_holders_linked(connection: &mut PgConnection) -> QueryResult<bool> {
    let is_done = |remaining: &Remaining| remaining.rows == remaining.refused;
    Ok(have_run(connection, &[Job::CAMPAIGNS, Job::ELECTED_OFFICES])?
        && (store::is_phase_1_enforced(connection)?
            || (is_done(&legacy::remaining_campaigns(connection, None, 0)?)
                && is_done(&ElectedOffices.remaining(connection, None, 0)?))))
}

fn is_verified(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(store::is_phase_1_enforced(connection)? || store::clean_verification(connection)?.is_some())
}

fn is_verified_for_phase_2(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(store::clean_verification_for_phase_2(connection)?.is_some())
}

fn are_filters_assigned(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(!store::is_under_way(connection, Job::VOTER_FILE_FILTERS)?
        && VoterFileFilters.remaining(connection, None, 0)?.rows == 0)
}

fn is_clerk_up_to_date(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(store::is_phase_1b_enforced(connection)?
        || (clerk_outbox::is_on(connection)? && clerk_outbox::count_unqueued(connection)? == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_has_its_place_on_the_path() {
        assert!(crate::JOBS.iter().all(|job| of_job(job).is_some()));
    }

    #[test]
    fn a_step_comes_after_those_that_it_needs_and_names_what_comes_next() {
        for path in [PATH, BESIDE] {
            for (place, step) in path.iter().enumerate() {
                let is_before = |needed: &&Step| {
                    path[..place].iter().any(|earlier| earlier.command == needed.command)
                };
                assert!(step.after.iter().all(is_before), "{} comes too early", step.command);
                let is_after = path[place..].iter().any(|later| later.command == step.next);
                assert!(is_after || step.next == commands::PLAN, "{} leads back", step.command);
            }
        }
    }
}
