//! `backfill plan`: the path, what is done, and what comes next.

use crate::phase::Phase;
use crate::{
    legacy,
    migrate::{self, Group},
    phase,
    sql::{self as store, Job, Remaining},
    status::SCHEMA_VERSION,
};
use diesel::QueryResult;
use serde::Serialize;
use winserve_domain::base::StoreError;
use winserve_persistence::{PgConnection, clerk_outbox, store_error};

/// The path with its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Version of this JSON.
    pub schema_version: u32,
    /// The phase the database is in.
    pub phase: Phase,
    /// Every step, in order.
    pub steps: Vec<PlanStep>,
    /// Commands to run next.
    pub next_steps: Vec<String>,
}

/// A step of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanStep {
    /// What to run, without the program's name.
    pub command: &'static str,
    /// What it does.
    pub what: &'static str,
    /// Where it stands.
    pub state: StepState,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Done.
    Done,
    /// Run this now.
    Next,
    /// Waits for the previous steps.
    Later,
    /// Optional; may be run now.
    Beside,
    /// This build does not know it yet.
    NotInThisBuild,
}

/// Steps in this build, in order.
const KNOWN: [(&str, &str); 11] = [
    ("migrate phase-1-expand", "tables, columns, constraints and triggers of phase 1"),
    ("phase advance --to phase-1", "offices and districts are written to both stores"),
    ("run positions", "facts of every position that campaigns name"),
    ("run organizations", "organization and position of campaigns and elected offices"),
    ("verify", "every row of both stores is compared"),
    ("enforce phase-1", "organization and position are NOT NULL"),
    ("migrate phase-2-expand", "filters of elected offices, and data that the gates check"),
    ("run voter-file-filters", "saved filters get the organization of their campaign"),
    ("verify", "every row is compared once more, for the gates"),
    ("phase advance --to phase-2", "offices and districts are read from the tables"),
    ("enforce phase-2", "every saved filter has an organization"),
];
/// Steps of later builds (design §8).
const COMING: [(&str, &str); 4] = [
    ("migrate phase-3-expand", "an office does not need a campaign"),
    ("phase advance --to phase-3", "offices and districts are written to the tables only"),
    ("clean", "the old keys are moved from the JSON to an archive"),
    ("enforce phase-3", "the old columns are dropped; this cannot be undone"),
];
/// Optional steps in phase-1 and later, in order: no phase waits for them.
const BESIDE: [(&str, &str); 4] = [
    ("migrate phase-1b-expand", "optional: create the Clerk outbox"),
    ("phase advance phase-1b", "optional: start syncing organizations to Clerk"),
    ("run clerk-organizations", "optional: sync every organization to Clerk"),
    ("enforce phase-1b", "optional: prove that every organization is synced or queued"),
];

/// Reads the state of the database; writes nothing.
///
/// # Errors
/// [`StoreError`].
pub fn plan(connection: &mut PgConnection) -> Result<Plan, StoreError> {
    let phase = phase::read(connection).map_err(store_error)?;
    let is_expanded = |connection: &mut PgConnection, group| {
        migrate::is_expanded(connection, group).map_err(|error| StoreError::Other(error.into()))
    };
    let mut done = [false; KNOWN.len()];
    if is_expanded(connection, Group::Phase1)? {
        let is_expanded = is_expanded(connection, Group::Phase2)?;
        done = states(connection, phase, is_expanded).map_err(store_error)?;
    }
    let mut is_next = true;
    let steps = KNOWN.into_iter().zip(done).map(|((command, what), done)| {
        let state = match (done, is_next) {
            (true, _) => StepState::Done,
            (false, true) => StepState::Next,
            (false, false) => StepState::Later,
        };
        is_next &= done;
        PlanStep { command, what, state }
    });
    let coming = COMING.into_iter().map(|(command, what)| PlanStep {
        command,
        what,
        state: StepState::NotInThisBuild,
    });
    let steps: Vec<_> = steps.collect();
    let is_at_its_end = is_next;
    let mut is_open = phase >= Phase::One;
    let beside =
        BESIDE.into_iter().zip(beside_states(connection)?).map(|((command, what), done)| {
            let state = match (done, is_open) {
                (true, _) => StepState::Done,
                (false, true) => StepState::Beside,
                (false, false) => StepState::Later,
            };
            is_open &= done;
            PlanStep { command, what, state }
        });
    let steps: Vec<_> = steps.into_iter().chain(coming).chain(beside).collect();
    // The path comes first.
    let wanted = if is_at_its_end { StepState::Beside } else { StepState::Next };
    let next = steps.iter().filter(|step| step.state == wanted);
    let mut next_steps: Vec<_> = next.map(|step| format!("backfill {}", step.command)).collect();
    // In phase 2, earlier findings that were not checked again no longer matter to the path.
    if phase == Phase::Two && found_defects(connection).map_err(store_error)? {
        next_steps = vec!["backfill verify".to_owned()];
    }
    Ok(Plan { schema_version: SCHEMA_VERSION, phase, steps, next_steps })
}

/// Which steps are done. Enforced constraints and entered phases need no proof.
fn states(
    connection: &mut PgConnection,
    phase: Phase,
    is_phase_2_expanded: bool,
) -> QueryResult<[bool; KNOWN.len()]> {
    let enforced = store::is_phase_1_enforced(connection)?;
    let in_phase_2 = phase >= Phase::Two;
    let (positions, organizations) =
        if in_phase_2 { (true, true) } else { backfilled(connection, enforced)? };
    let verified = store::clean_verification(connection)?.is_some();
    let verified_again =
        is_phase_2_expanded && store::clean_verification_for_phase_2(connection)?.is_some();
    let filters = in_phase_2
        || (is_phase_2_expanded
            && !store::is_under_way(connection, Job::VoterFileFilters)?
            && store::remaining_filters(connection, None, 0)?.rows == 0);
    Ok([
        true,
        phase >= Phase::One,
        positions,
        organizations,
        enforced || verified,
        enforced,
        is_phase_2_expanded,
        filters,
        in_phase_2 || (filters && verified_again),
        in_phase_2,
        in_phase_2 && store::is_phase_2_enforced(connection)?,
    ])
}

/// Whether the last verification found defects.
fn found_defects(connection: &mut PgConnection) -> QueryResult<bool> {
    Ok(store::last_finished(connection, Job::Verify)?.is_some_and(|run| run.exit_code != 0))
}

/// Whether positions and organizations are done. An interrupted run is not done; verifications do
/// not count until it ends.
fn backfilled(connection: &mut PgConnection, enforced: bool) -> QueryResult<(bool, bool)> {
    let has_run = |connection: &mut PgConnection, job| -> QueryResult<bool> {
        let has_ended = enforced
            || store::last_finished(connection, job)?
                .is_some_and(|run| matches!(run.exit_code, 0 | 41));
        Ok(has_ended && !store::is_under_way(connection, job)?)
    };
    // Another run would get the same rejections from the database.
    let is_done = |remaining: &Remaining| remaining.rows == remaining.refused;
    let positions = has_run(connection, Job::Positions)?;
    let organizations = has_run(connection, Job::Campaigns)?
        && has_run(connection, Job::ElectedOffices)?
        && (enforced
            || (is_done(&legacy::remaining_campaigns(connection, None, 0)?)
                && is_done(&store::remaining_offices(connection, None, 0)?)));
    Ok((positions, organizations))
}

/// The next backfill run while runs link holders: in phase 1, until all are linked.
pub(crate) fn backfill_to_run(connection: &mut PgConnection) -> QueryResult<Option<&'static str>> {
    if phase::read(connection)? != Phase::One {
        return Ok(None);
    }
    let enforced = store::is_phase_1_enforced(connection)?;
    Ok(match backfilled(connection, enforced)? {
        (false, _) => Some("backfill run positions"),
        (true, false) => Some("backfill run organizations"),
        (true, true) => None,
    })
}

/// Which optional steps are done.
fn beside_states(connection: &mut PgConnection) -> Result<[bool; BESIDE.len()], StoreError> {
    let is_expanded = migrate::is_expanded(connection, Group::Phase1b)
        .map_err(|error| StoreError::Other(error.into()))?;
    if !is_expanded {
        return Ok([false; BESIDE.len()]);
    }
    let states = |connection: &mut PgConnection| -> QueryResult<[bool; BESIDE.len()]> {
        let is_on = clerk_outbox::is_on(connection)?;
        let enforced = store::is_phase_1b_enforced(connection)?;
        let has_run = is_on && clerk_outbox::count_unqueued(connection)? == 0;
        Ok([true, is_on, enforced || has_run, enforced])
    };
    states(connection).map_err(store_error)
}

/// The plan for people.
#[must_use]
pub fn plan_table(plan: &Plan) -> String {
    let mut lines = vec![format!("The phase is {}.", plan.phase)];
    lines.extend(plan.steps.iter().map(|step| {
        let mark = match step.state {
            StepState::Done => "done ",
            StepState::Next => "NEXT ",
            StepState::Later => "     ",
            StepState::Beside => "now  ",
            StepState::NotInThisBuild => "  –  ",
        };
        format!("{mark} backfill {:<28} {}", step.command, step.what)
    }));
    lines.push("now: optional, can be run at any time. –: part of a later build.".to_owned());
    lines.extend(plan.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.join("\n")
}
