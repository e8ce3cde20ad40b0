//! Cancels statements whose client is gone.
//!
//! A client that disconnects drops the future of its request, while a thread still waits for the
//! database. The canceller has its own thread and a small connection, and asks the server to cancel
//! what the request's connection runs. A cancel request names a connection, not a statement, so
//! ordering ensures that it never hits the next user's statement: the canceller holds the unit of
//! work's state during the request, and the unit of work leaves that state before its connection
//! returns to the pool. By then every cancel request has reached the server process, which discards
//! it when idle.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use metrics::counter;

use crate::{
    backends::Backend,
    pool::{Manager, PooledEntry},
};

/// How soon to repeat the request if a unit of work continues: it may have been between two
/// statements.
const AGAIN: Duration = Duration::from_millis(50);
/// The same if the server could not be asked.
const TROUBLED: Duration = Duration::from_secs(1);

/// A unit of work, as far as it can be cancelled.
#[derive(Default)]
pub(crate) struct Running(Mutex<State>);

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has no connection yet.
    #[default]
    Queued,
    /// Its connection's process; `None` behind a pooler, where a process may soon serve another
    /// client.
    On(Option<Backend>),
    /// The client was gone before it began.
    Abandoned,
    Over,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It runs on a connection until the guard is dropped, which must happen before the connection
    /// is used for anything else; `None`: the client is gone.
    pub(crate) fn begin(&self, backend: Option<Backend>) -> Option<Begun<'_>> {
        let mut state = self.lock();
        if *state == State::Abandoned {
            return None;
        }
        *state = State::On(backend);
        Some(Begun(self))
    }
}

/// A running unit of work.
#[must_use = "it can be cancelled until this is dropped"]
pub(crate) struct Begun<'a>(&'a Running);

impl Begun<'_> {
    /// It can no longer be cancelled. Cancelling a COMMIT that waits for a synchronous standby
    /// would make it visible here immediately, whatever the standby has.
    pub(crate) fn commits(&self) {
        *self.0.lock() = State::Over;
    }
}

impl Drop for Begun<'_> {
    /// Waits until the canceller has released it.
    fn drop(&mut self) {
        *self.0.lock() = State::Over;
    }
}

/// Cancels a unit of work that is not finished when this is dropped.
pub(crate) struct Awaited {
    canceller: Arc<Queue>,
    running: Arc<Running>,
}

impl Awaited {
    pub(crate) fn running(&self) -> Arc<Running> {
        Arc::clone(&self.running)
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let mut state = self.running.lock();
        match *state {
            State::Queued => *state = State::Abandoned,
            State::On(Some(_)) => {
                drop(state);
                self.canceller.push(Arc::clone(&self.running));
            }
            State::On(None) | State::Abandoned | State::Over => {}
        }
    }
}

/// The thread that cancels; it ends when this is dropped.
pub(crate) struct Canceller {
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    abandoned: Mutex<Abandoned>,
    changed: Condvar,
}

#[derive(Default)]
struct Abandoned {
    running: Vec<Arc<Running>>,
    has_ended: bool,
}

impl Canceller {
    /// Its connection is opened on demand.
    pub(crate) fn start(manager: Manager) -> std::io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let of_thread = Arc::clone(&queue);
        thread::Builder::new()
            .name("canceller".to_owned())
            .spawn(move || of_thread.work(&manager))?;
        Ok(Self { queue })
    }

    /// Cancelled unless it finishes first.
    pub(crate) fn watch(&self) -> Awaited {
        Awaited { canceller: Arc::clone(&self.queue), running: Arc::default() }
    }
}

impl Drop for Canceller {
    fn drop(&mut self) {
        self.queue.lock().has_ended = true;
        self.queue.changed.notify_one();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Abandoned> {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, running: Arc<Running>) {
        self.lock().running.push(running);
        self.changed.notify_one();
    }

    fn work(&self, manager: &Manager) {
        let (mut connection, mut under_way) = (None, Vec::new());
        loop {
            let mut abandoned = self.lock();
            if under_way.is_empty() {
                let is_idle = |it: &mut Abandoned| it.running.is_empty() && !it.has_ended;
                let woken = self.changed.wait_while(abandoned, is_idle);
                abandoned = woken.unwrap_or_else(PoisonError::into_inner);
            }
            if abandoned.has_ended {
                return;
            }
            let new = std::mem::take(&mut abandoned.running);
            drop(abandoned);
            counter!("database_cancelled_total").increment(u64::try_from(new.len()).unwrap_or(0));
            under_way.extend(new);
            // Connect before taking any lock.
            connection = manager.renew(connection).ok();
            let is_asked = connection.as_mut().is_some_and(|connection| {
                under_way.retain(|running| *running.lock() != State::Over);
                under_way.iter().all(|running| cancel(running, connection))
            });
            if !is_asked {
                connection = None;
            }
            if !under_way.is_empty() {
                thread::sleep(if is_asked { AGAIN } else { TROUBLED });
                under_way.retain(|running| *running.lock() != State::Over);
            }
        }
    }
}

/// Asks the server to cancel the current statement of a unit of work, unless it is finished;
/// `false`: the server cannot be asked. The unit of work cannot return its connection in the
/// meantime.
fn cancel(running: &Running, canceller: &mut PooledEntry) -> bool {
    let state = running.lock();
    match *state {
        State::On(Some(backend)) => backend.cancel(&mut canceller.connection).is_ok(),
        State::Queued | State::On(None) | State::Abandoned | State::Over => true,
    }
}
