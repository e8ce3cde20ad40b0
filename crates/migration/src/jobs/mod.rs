//! The jobs of `backfill run`: what each reads, prepares and writes. `CONTRIBUTING.md` says how to add one.

pub(crate) mod campaigns;
pub(crate) mod clean;
pub(crate) mod elected_offices;
pub(crate) mod filters;
pub(crate) mod look_ups;
mod organizations;
pub(crate) mod position_consensus;
pub(crate) mod positions;
pub(crate) mod restore;

use crate::{
    jobs::look_ups::LookUps,
    run::{
        dry_run::Preview,
        engine::RunError,
        options::Options,
        runner::{Observer, RunReport, Running, StepReport},
    },
    sql::Job,
    steps::Step,
};
use winserve_domain::base::StoreError;
use winserve_persistence::PgConnection;

/// The jobs that process tables in batches, in the order of the path.
pub const JOBS: &[&BatchJob] = &[&positions::JOB, &organizations::JOB, &filters::JOB];

/// A job that processes tables in batches; [`BatchJob::run`] runs it.
#[derive(Debug)]
pub struct BatchJob {
    /// Its name: `backfill run <name>`.
    pub name: &'static str,
    /// What it does, for `--help`.
    pub about: &'static str,
    /// Its place on the path, which says when it may run and what comes next.
    pub(crate) step: &'static Step,
    /// Whether it asks election-api.
    pub(crate) has_look_ups: bool,
    /// The runs that it records, in order.
    pub(crate) runs: &'static [Job],
    /// Counts what a run would do.
    pub(crate) preview: fn(&mut PgConnection) -> Result<Preview, StoreError>,
    /// Does it; returns a report of each run.
    pub(crate) run: fn(&mut Running<'_>) -> Result<Vec<StepReport>, RunError>,
}

/// The runs that jobs record.
pub(crate) fn recorded() -> impl Iterator<Item = Job> {
    JOBS.iter().flat_map(|job| job.runs).copied()
}

/// Copies the facts of every position that campaigns name to the position table.
///
/// # Errors
/// See [`BatchJob::run`].
pub fn run_positions(
    options: &Options,
    look_ups: Option<&LookUps>,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    positions::JOB.run(options, look_ups, observer)
}

/// Links campaigns and elected offices to their organization and position.
///
/// # Errors
/// See [`BatchJob::run`].
pub fn run_organizations(
    options: &Options,
    look_ups: Option<&LookUps>,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    organizations::JOB.run(options, look_ups, observer)
}

/// Attaches saved filters to the organization of their campaign.
///
/// # Errors
/// See [`BatchJob::run`].
pub fn run_voter_file_filters(
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<RunReport, RunError> {
    filters::JOB.run(options, None, observer)
}
