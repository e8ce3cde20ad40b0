//! What describes a job.

use crate::{
    run::{
        dry_run::Preview,
        engine::RunError,
        runner::{Running, StepReport},
    },
    sql::Job,
};
use winserve_domain::base::StoreError;
use winserve_persistence::PgConnection;

/// A job that processes tables in batches; [`BatchJob::run`] runs it.
#[derive(Debug)]
pub struct BatchJob {
    /// Its name: `backfill run <name>`.
    pub name: &'static str,
    /// What it does, for `--help`.
    pub about: &'static str,
    /// Whether it asks election-api.
    pub(crate) has_look_ups: bool,
    /// The runs that it records, in order.
    pub(crate) runs: &'static [Job],
    /// Counts what a run would do.
    pub(crate) preview: fn(&mut PgConnection) -> Result<Preview, StoreError>,
    /// Does it; returns a report of each run.
    pub(crate) run: fn(&mut Running<'_>) -> Result<Vec<StepReport>, RunError>,
}
