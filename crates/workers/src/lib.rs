//! Background loops: they restart after a panic, and get a chance to stop before they are cut off.
//!
//! A worker takes its work with a lease from the database, so another worker takes over unfinished work when
//! the lease expires.

use std::{fmt, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Pause after a panic: its cause may still be there.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Workers of this process. Dropping this value stops them in the middle of their work.
pub struct Background {
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
}

impl fmt::Debug for Background {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Background")
            .field("workers", &self.workers.len())
            .finish_non_exhaustive()
    }
}

impl Default for Background {
    fn default() -> Self {
        let (stop, _) = watch::channel(false);
        Self { stop, workers: JoinSet::new() }
    }
}

impl Background {
    /// Starts a worker on the caller's runtime, which runs until it is told to stop. A worker that panics is
    /// restarted; `name` is for the log, such as `the worker that follows the old service`.
    pub fn start<F>(
        &mut self,
        name: &'static str,
        worker: impl Fn(StopSignal) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = StopSignal(self.stop.subscribe());
        self.workers.spawn(async move {
            // A set, so that dropping this task also stops the worker.
            let mut running = JoinSet::new();
            running.spawn(worker(stop.clone()));
            while let Some(ended) = running.join_next().await {
                let Err(panic) = ended else { continue };
                tracing::error!(%panic, "{name} panicked and is restarted");
                sleep(AFTER_PANIC).await;
                running.spawn(worker(stop.clone()));
            }
        });
    }

    /// Tells all workers to stop, and waits up to `grace` for them; `false` if some were cut off.
    pub async fn stop(mut self, grace: Duration) -> bool {
        // An error means that there are no workers.
        let _sent = self.stop.send(true);
        let ended = async { while self.workers.join_next().await.is_some() {} };
        timeout(grace, ended).await.is_ok()
    }
}

/// Tells a worker when to stop.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    /// Whether the worker must stop.
    #[must_use]
    pub fn is_given(&self) -> bool {
        *self.0.borrow()
    }

    /// Sleeps, but returns early when the worker must stop.
    pub async fn sleep(&mut self, duration: Duration) {
        tokio::select! {
            () = sleep(duration) => {}
            _given = self.0.wait_for(|is_given| *is_given) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    };

    use super::{Background, StopSignal};

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_panics_is_restarted_and_one_that_sleeps_stops_immediately() {
        let starts = Arc::new(AtomicU32::new(0));
        let mut background = Background::default();
        let counted = Arc::clone(&starts);
        background.start("the worker", move |mut stop: StopSignal| {
            let counted = Arc::clone(&counted);
            async move {
                assert!(counted.fetch_add(1, Ordering::Relaxed) > 1, "as planned");
                while !stop.is_given() {
                    stop.sleep(Duration::from_hours(1)).await;
                }
            }
        });
        while starts.load(Ordering::Relaxed) < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(background.stop(Duration::from_millis(1)).await);
        assert_eq!(starts.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_does_not_stop_is_cut_off() {
        let mut background = Background::default();
        background.start("the worker", |_| std::future::pending());
        assert!(!background.stop(Duration::from_secs(5)).await);
    }
}
