//! The jobs of `backfill run`: what each reads, prepares and writes. `CONTRIBUTING.md` says how to add one.

mod batch_job;
pub(crate) mod campaigns;
pub(crate) mod elected_offices;
pub(crate) mod filters;
pub(crate) mod look_ups;
pub(crate) mod organizations;
pub(crate) mod position_consensus;
pub(crate) mod positions;

use crate::sql::Job;

pub use batch_job::BatchJob;

/// The jobs that process tables in batches, in the order of the path.
pub const JOBS: &[&BatchJob] = &[&positions::JOB, &organizations::JOB, &filters::JOB];

/// The runs that jobs record.
pub(crate) fn recorded() -> impl Iterator<Item = Job> {
    JOBS.iter().flat_map(|job| job.runs).copied()
}
