//! Threads for units of work, with a bounded queue.
//!
//! A unit of work blocks its thread. The runtime's blocking threads are also used by other code: a
//! host name lookup blocks one until the name server answers. These threads run nothing else.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use metrics::Gauge;
use tokio::{sync::oneshot, time::timeout};

/// How long a started task may take: two statements that reach the server's own timeout.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long shutdown waits for running tasks.
const GRACE: Duration = Duration::from_secs(2);

type Job = Box<dyn FnOnce() + Send>;

/// Why a task has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error("the queue for a connection is full: {0} are waiting already")]
    QueueFull(usize),
    #[error("no connection was free within {0:?}")]
    NoTurn(Duration),
    #[error("not done within {0:?}")]
    TooSlow(Duration),
    #[error("the threads have ended")]
    Ended,
}

/// Maximum queue length, and how long a task may stay in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) at_most: usize,
    pub(crate) no_longer_than: Duration,
}

/// A fixed-size thread pool.
pub(crate) struct Hops {
    shared: Arc<Shared>,
    waiting: Waiting,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    gauge: Gauge,
}

#[derive(Default)]
struct Queue {
    /// In the order of their numbers.
    jobs: VecDeque<(u64, Job)>,
    last_number: u64,
    threads: usize,
    /// Idle threads.
    free_threads: usize,
    has_ended: bool,
}

impl Hops {
    /// Starts the threads. The gauge counts waiting tasks.
    pub(crate) fn start(
        name: &str,
        threads: usize,
        waiting: Waiting,
        gauge: Gauge,
    ) -> std::io::Result<Self> {
        let queue = Mutex::new(Queue { threads, free_threads: threads, ..Queue::default() });
        let shared = Arc::new(Shared { queue, changed: Condvar::new(), gauge });
        let hops = Self { shared, waiting };
        for started in 0..threads {
            let shared = Arc::clone(&hops.shared);
            let thread = thread::Builder::new().name(format!("{name}-{started}"));
            if let Err(error) = thread.spawn(move || shared.work()) {
                hops.shared.lock().threads = started;
                return Err(error);
            }
        }
        Ok(hops)
    }

    /// Runs a task on the next free thread; propagates its panic. A task whose caller is gone
    /// leaves the queue; a started one runs to its end, unless its statement is cancelled.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NotDone> {
        let (answer, mut answered) = oneshot::channel();
        let place = self.enqueue(Box::new(move || {
            // The caller may be gone.
            let _unheard = answer.send(catch_unwind(AssertUnwindSafe(task)));
        }))?;
        let Waiting { no_longer_than, .. } = self.waiting;
        let done = match timeout(no_longer_than, &mut answered).await {
            Ok(done) => done,
            Err(_elapsed) if place.leave() => return Err(NotDone::NoTurn(no_longer_than)),
            Err(_elapsed) => {
                let late = timeout(DEADLINE, answered).await;
                late.map_err(|_elapsed| NotDone::TooSlow(DEADLINE))?
            }
        };
        let done: Result<T, Box<dyn Any + Send>> = done.map_err(|_dropped| NotDone::Ended)?;
        Ok(done.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    fn enqueue(&self, job: Job) -> Result<Place<'_>, NotDone> {
        let mut queue = self.shared.lock();
        if queue.jobs.len() >= queue.free_threads + self.waiting.at_most {
            return Err(NotDone::QueueFull(self.waiting.at_most));
        }
        queue.last_number += 1;
        let number = queue.last_number;
        queue.jobs.push_back((number, job));
        let is_anybody_free = queue.free_threads > 0;
        drop(queue);
        self.shared.gauge.increment(1);
        if is_anybody_free {
            self.shared.changed.notify_one();
        }
        Ok(Place { shared: &self.shared, number })
    }
}

impl Drop for Hops {
    /// Gives running tasks a moment to finish before the process ends.
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.has_ended = true;
        self.shared.changed.notify_all();
        let _ended = self.shared.changed.wait_timeout_while(queue, GRACE, |it| it.threads > 0);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some((_, job)) = queue.jobs.pop_front() {
                queue.free_threads -= 1;
                drop(queue);
                self.gauge.decrement(1);
                job();
                queue = self.lock();
                queue.free_threads += 1;
            } else if queue.has_ended {
                break;
            } else {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
        queue.threads -= 1;
        drop(queue);
        self.changed.notify_all();
    }
}

/// A place in the queue, given up when it is dropped.
struct Place<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Place<'_> {
    /// Leaves the queue; `false` if the job has already started.
    fn leave(&self) -> bool {
        let mut queue = self.shared.lock();
        let found = queue.jobs.binary_search_by_key(&self.number, |(number, _)| *number);
        let job = found.ok().and_then(|index| queue.jobs.remove(index));
        drop(queue);
        if job.is_some() {
            self.shared.gauge.decrement(1);
        }
        job.is_some()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}
