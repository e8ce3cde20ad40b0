//! `backfill plan`: the path, what is done, and what comes next.

use crate::{
    migrate::Group,
    phase::{self, Phase},
    sql::{self as store, Job},
    status::SCHEMA_VERSION,
    steps::{BESIDE, PATH, Step, VERIFY, is_expanded},
};
use diesel::QueryResult;
use serde::Serialize;
use winserve_admin::Exit;
use winserve_domain::base::StoreError;
use winserve_persistence::{PgConnection, store_error};

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
    /// At the end of the path: what that means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<&'static str>,
}

/// The end of the path.
const CONCLUSION: &str = "done: nothing of the migration is needed any more. `make prove-deletable` shows what to \
    remove: crates/migration, bins/backfill and tests/suite/migration";

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
}

/// Reads the state of the database; writes nothing.
///
/// # Errors
/// [`StoreError`].
pub fn plan(connection: &mut PgConnection) -> Result<Plan, StoreError> {
    let phase = phase::read(connection).map_err(store_error)?;
    let is_prepared = is_expanded(connection, Group::Phase1)?;
    let mut steps = states(connection, phase, PATH, is_prepared, Some(StepState::Next))?;
    let is_at_its_end = steps.iter().all(|step| step.state == StepState::Done);
    let is_prepared = is_expanded(connection, Group::Phase1b)?;
    let first = (phase >= Phase::One).then_some(StepState::Beside);
    steps.extend(states(connection, phase, BESIDE, is_prepared, first)?);
    // The path comes first.
    let wanted = if is_at_its_end { StepState::Beside } else { StepState::Next };
    let next = steps.iter().filter(|step| step.state == wanted);
    let mut next_steps: Vec<_> = next.map(|step| format!("backfill {}", step.command)).collect();
    // In phase 2, earlier findings that were not checked again no longer matter to the path.
    if phase == Phase::Two && found_defects(connection).map_err(store_error)? {
        next_steps = vec![VERIFY.command.to_owned()];
    }
    let conclusion = is_at_its_end.then_some(CONCLUSION);
    Ok(Plan { schema_version: SCHEMA_VERSION, phase, steps, next_steps, conclusion })
}

/// The state of each step. The first that is not done has the given one; without the schema, none is done.
fn states(
    connection: &mut PgConnection,
    phase: Phase,
    steps: &[&Step],
    is_prepared: bool,
    first: Option<StepState>,
) -> Result<Vec<PlanStep>, StoreError> {
    let mut first = first;
    let state = |step: &&Step| {
        let state = if is_prepared && (step.is_done)(connection, phase)? {
            StepState::Done
        } else {
            first.take().unwrap_or(StepState::Later)
        };
        Ok(PlanStep { command: without_program(step.command), what: step.title, state })
    };
    steps.iter().map(state).collect()
}

fn without_program(command: &'static str) -> &'static str {
    command.strip_prefix("backfill ").unwrap_or(command)
}

/// Whether the last verification found defects.
fn found_defects(connection: &mut PgConnection) -> QueryResult<bool> {
    let last = store::last_finished(connection, Job::VERIFY)?;
    Ok(last.is_some_and(|run| run.exit() != Exit::Done))
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
        };
        format!("{mark} backfill {:<28} {}", step.command, step.what)
    }));
    lines.push("now: optional, can be run at any time.".to_owned());
    lines.extend(plan.next_steps.iter().map(|step| format!("Next: {step}")));
    lines.extend(plan.conclusion.map(|conclusion| format!("{conclusion}.")));
    lines.join("\n")
}
