//! Runs jobs: batches, leases, retries, progress.

pub(crate) mod dry_run;
pub(crate) mod engine;
pub(crate) mod options;
pub mod progress;
pub(crate) mod runner;
pub(crate) mod start;
pub(crate) mod tuner;
