//! How a job is run.

use std::time::Duration;

use winserve_admin::Stop;

/// How a job is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database.
    pub url: String,
    /// Each worker has its own connection; a single worker without pauses has two.
    pub workers: usize,
    /// Pause between batches, as a multiple of their duration: live users come first.
    pub nice: f64,
    /// Batch lease; after it, another worker takes over.
    pub lease: Duration,
    /// How long a worker tries to reach an unavailable database.
    pub patience: Duration,
    /// Ends the run early.
    pub stop: Stop,
}

impl Options {
    /// How many threads share the work of one worker. A single worker without pauses prepares the
    /// next batch while the database writes the current one. Several workers keep the database busy
    /// anyway.
    pub(crate) fn hands(&self) -> usize {
        if self.workers > 1 || self.nice > 0.0 { 1 } else { 2 }
    }

    /// Target duration of the transaction that publishes a batch. A live user may wait for it and,
    /// more often, for a CPU core or for the disk before their own COMMIT; statements of a few
    /// milliseconds are noticed least.
    pub(crate) fn batch(&self) -> Duration {
        Duration::from_millis(if self.nice > 0.0 { 3 } else { 250 })
    }

    /// One worker, the default throttle, a one-minute lease and five minutes of patience.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            workers: 1,
            nice: 2.0,
            lease: Duration::from_mins(1),
            patience: Duration::from_mins(5),
            stop: Stop::default(),
        }
    }
}
