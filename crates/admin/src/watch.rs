//! Says what a command waits for, and stops what it runs at the server when somebody stops it.
//!
//! One thread does both, with a connection of its own: whoever waits for a lock cannot look who holds it, and
//! whoever runs a statement cannot cancel it. Short commands end before it connects.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use diesel::QueryResult;
use winserve_persistence::{
    PgConnection,
    backends::{Waits, cancel_own, terminate_own},
    connect_watcher,
};

/// How often the server is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How often statements are cancelled while a command stops: between two of them there is none.
const CANCEL: Duration = Duration::from_millis(50);
/// How often a wait that lasts is reported again.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_secs(2);
/// A command that cancelled statements do not stop loses its sessions so much later.
const TERMINATE_AFTER: Duration = Duration::from_secs(1);
/// The process ends so much later.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3);

/// How a command is watched.
pub struct WatchOptions {
    /// The database.
    pub url: String,
    /// Report a wait that lasts longer than this.
    pub waits_after: Duration,
    /// How long a command that is stopped may go on before its statements are cancelled.
    pub grace: Duration,
    /// Called with each line.
    pub tell: fn(&str),
    /// Called when a stopped command does not end; it ends the process.
    pub give_up: fn(),
}

/// Watches the command until the process ends.
#[derive(Debug, Clone)]
pub struct Watch {
    events: Sender<Event>,
}

enum Event {
    Connected(Option<PgConnection>),
    Stop,
}

impl Watch {
    /// Starts to watch.
    #[must_use]
    pub fn start(options: WatchOptions) -> Self {
        let (events, received) = mpsc::channel();
        let watching = Watching {
            waits: Waits::new(options.waits_after, TELL_EVERY),
            options,
            connecting: None,
            connection: None,
            stop: None,
            events: events.clone(),
        };
        thread::spawn(move || watching.watch(&received));
        Self { events }
    }

    /// Stops the command: cancels its statements after the grace. A second call ends it at once.
    pub fn stop(&self) {
        // The thread ends with the process.
        let _ended = self.events.send(Event::Stop);
    }
}

struct Watching {
    options: WatchOptions,
    waits: Waits,
    events: Sender<Event>,
    /// When an attempt to connect began.
    connecting: Option<Instant>,
    connection: Option<PgConnection>,
    stop: Option<Stopping>,
}

struct Stopping {
    since: Instant,
    is_urgent: bool,
}

impl Watching {
    fn watch(mut self, events: &Receiver<Event>) {
        let started = Instant::now();
        loop {
            match events.recv_timeout(if self.stop.is_some() { CANCEL } else { LOOK }) {
                Ok(Event::Connected(connection)) => self.connection = connection,
                Ok(Event::Stop) => {
                    let is_urgent = self.stop.is_some();
                    let since = self.stop.as_ref().map_or_else(Instant::now, |it| it.since);
                    self.stop = Some(Stopping { since, is_urgent });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // A wait of that length may be about to be reported.
            if self.stop.is_some() || started.elapsed() >= self.options.waits_after / 2 {
                self.connect();
            }
            let done = if let Some(stopping) = &self.stop {
                let took = (!stopping.is_urgent).then(|| stopping.since.elapsed());
                self.end(took)
            } else {
                self.look()
            };
            if done.is_err() {
                self.connection = None;
            }
        }
    }

    /// Connects in a thread of its own: that may take long, and waits are reported meanwhile.
    fn connect(&mut self) {
        let is_soon = self.connecting.is_some_and(|since| since.elapsed() < RECONNECT);
        if self.connection.is_some() || is_soon {
            return;
        }
        self.connecting = Some(Instant::now());
        let (url, events) = (self.options.url.clone(), self.events.clone());
        thread::spawn(move || events.send(Event::Connected(connect_watcher(&url).ok())));
    }

    fn look(&mut self) -> QueryResult<()> {
        for line in self.waits.look(self.connection.as_mut())? {
            (self.options.tell)(&line);
        }
        Ok(())
    }

    /// Ends the command, the harder the longer it took; `None`: at once.
    fn end(&mut self, took: Option<Duration>) -> QueryResult<()> {
        let grace = self.options.grace;
        let passed = |limit| took.is_none_or(|took| took >= grace + limit);
        let is_given_up = took.is_none() || passed(GIVE_UP_AFTER);
        let done = match &mut self.connection {
            Some(connection) if is_given_up || passed(TERMINATE_AFTER) => terminate_own(connection),
            Some(connection) if passed(Duration::ZERO) => cancel_own(connection),
            _ => Ok(()),
        };
        if is_given_up {
            (self.options.give_up)();
        }
        done
    }
}
