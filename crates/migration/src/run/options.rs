//! How a job is run, and how it is stopped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Tells workers to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Workers finish their batch or roll it back, and end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked for it.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Sleeps, but not longer than until a stop is requested.
    pub(crate) fn sleep(&self, duration: Duration) {
        let until = Instant::now() + duration;
        while !self.is_requested() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
    }
}

/// How a job is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database.
    pub url: String,
    /// Each has a connection of its own; a single one that does not rest has two.
    pub workers: usize,
    /// Sleep between batches, as a multiple of the time they took: live users come first.
    pub nice: f64,
    /// How long a batch belongs to a worker that gives no sign of life.
    pub lease: Duration,
    /// How long a worker tries to reach a database that is away.
    pub patience: Duration,
    /// Ends the run early.
    pub stop: Stop,
}

impl Options {
    /// How many share the work of one worker: one that neither rests nor has company prepares the next
    /// batch while the database writes this one. Several keep the database busy as they are.
    pub(crate) fn hands(&self) -> usize {
        if self.workers > 1 || self.nice > 0.0 { 1 } else { 2 }
    }

    /// How long the transaction that publishes a batch should take. A live user may have to wait for it
    /// and, more often, for a core, or for what it wrote to reach the disk before their own COMMIT does;
    /// statements of a few milliseconds are noticed least.
    pub(crate) fn batch(&self) -> Duration {
        Duration::from_millis(if self.nice > 0.0 { 3 } else { 250 })
    }

    /// One worker, the usual throttle, a lease of a minute and five minutes of patience.
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
