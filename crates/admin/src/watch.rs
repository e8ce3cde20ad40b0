//! Reports what a command waits for, and stops its statements on the server when an operator stops
//! it.
//!
//! A second connection does both, because a session that waits for a lock cannot look up its
//! holder, and a session that runs a statement cannot cancel it. It has its own thread, because a
//! server that hangs does not answer it either; the thread that prints reports and handles signals
//! never waits for the server. Short commands end before it connects.

use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use diesel::QueryResult;
use winserve_persistence::{
    PgConnection,
    backends::{Announced, Found, Waits, announce, cancel_own, has_own, look, terminate_own},
    connect_watcher,
};

/// How often to query the server.
const LOOK: Duration = Duration::from_millis(250);
/// How often to cancel statements while a command stops: between two statements there is nothing to
/// cancel.
const CANCEL: Duration = Duration::from_millis(50);
/// How often to report a continuing wait again.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Wait between connection attempts.
const RECONNECT: Duration = Duration::from_secs(2);
/// If cancelling statements does not stop a command, its sessions are terminated after this time.
const TERMINATE_AFTER: Duration = Duration::from_secs(1);
/// After this additional time, the process is ended anyway.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3);
/// A command that must end immediately has this long until its sessions are terminated.
const AT_ONCE: Duration = Duration::from_millis(500);

/// How to watch a command.
pub struct WatchOptions {
    /// The database.
    pub url: String,
    /// Report a wait that lasts longer than this.
    pub waits_after: Duration,
    /// How long a stopped command may continue before its statements are cancelled.
    pub grace: Duration,
    /// Called with each line.
    pub tell: fn(&str),
}

/// Watches the command until the process ends.
#[derive(Debug, Clone)]
pub struct Watch {
    events: Sender<Event>,
    grace: Duration,
}

#[derive(Debug)]
enum Event {
    Answered(Answer),
    Stop,
    StopAtOnce,
}

/// The server's answer to a task.
#[derive(Debug)]
enum Answer {
    Found(Found),
    Done,
    /// No usable answer, and the connection is lost.
    Failed,
}

/// The tasks of the second connection.
#[derive(Debug, Clone, Copy)]
enum Task {
    Look,
    Cancel,
    Terminate,
}

impl Watch {
    /// Starts watching.
    #[must_use]
    pub fn start(options: WatchOptions) -> Self {
        let (events, received) = mpsc::channel();
        let (tasks, given) = mpsc::channel();
        let asking = Asking { url: options.url, connection: None, answers: events.clone() };
        let watching = Watching {
            waits: Waits::new(options.waits_after, TELL_EVERY),
            waits_after: options.waits_after,
            grace: options.grace,
            tell: options.tell,
            tasks,
            is_asking: false,
            unanswered: None,
            next: Instant::now(),
            stop: None,
        };
        thread::spawn(move || asking.work(&given));
        thread::spawn(move || watching.watch(&received));
        Self { events, grace: options.grace }
    }

    /// Stops the command: its statements are cancelled after the grace period. Returns the time
    /// after which to end the process.
    #[must_use]
    pub fn stop(&self) -> Duration {
        // The thread ends with the process.
        let _ended = self.events.send(Event::Stop);
        self.grace + GIVE_UP_AFTER
    }

    /// Stops the command immediately. Returns the time after which to end the process.
    #[must_use]
    pub fn stop_at_once(&self) -> Duration {
        let _ended = self.events.send(Event::StopAtOnce);
        AT_ONCE
    }
}

/// Runs one task at a time, and never waits for it.
struct Watching {
    waits: Waits,
    waits_after: Duration,
    grace: Duration,
    tell: fn(&str),
    tasks: Sender<Task>,
    /// Whether a task is unanswered.
    is_asking: bool,
    /// Reports a long wait for the answer.
    unanswered: Option<Announced>,
    /// When the next task is due.
    next: Instant,
    stop: Option<Stopping>,
}

struct Stopping {
    since: Instant,
    is_urgent: bool,
}

impl Watching {
    fn watch(mut self, events: &Receiver<Event>) {
        // A wait of that length may have to be reported.
        let first_look = Instant::now() + self.waits_after / 2;
        loop {
            let due = self.next.saturating_duration_since(Instant::now());
            let pause = if self.is_asking { LOOK } else { due.min(LOOK) };
            match events.recv_timeout(pause) {
                Ok(Event::Answered(answer)) => self.take(answer),
                Ok(Event::Stop) => {
                    self.stop.get_or_insert(Stopping { since: Instant::now(), is_urgent: false });
                    self.next = Instant::now();
                }
                Ok(Event::StopAtOnce) => {
                    self.stop = Some(Stopping { since: Instant::now(), is_urgent: true });
                    self.next = Instant::now();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let lines = self.waits.announced();
            self.tell(&lines);
            if !self.is_asking && Instant::now() >= self.next {
                self.next = Instant::now() + if self.stop.is_some() { CANCEL } else { LOOK };
                if self.stop.is_some() || Instant::now() >= first_look {
                    self.ask();
                }
            }
        }
    }

    fn tell(&self, lines: &[String]) {
        for line in lines {
            (self.tell)(line);
        }
    }

    fn take(&mut self, answer: Answer) {
        (self.is_asking, self.unanswered) = (false, None);
        if matches!(answer, Answer::Failed) && self.stop.is_none() {
            self.next = Instant::now() + RECONNECT;
        }
        if let Answer::Found(found) = answer {
            let lines = self.waits.found(found);
            self.tell(&lines);
        }
    }

    fn ask(&mut self) {
        let Some(task) = self.task() else { return };
        // Before the command has a connection, it reports that wait itself.
        self.unanswered = has_own().then(|| announce("an answer of the database server"));
        self.is_asking = self.tasks.send(task).is_ok();
    }

    /// Ends a stopping command, more forcefully over time.
    fn task(&self) -> Option<Task> {
        let Some(stopping) = &self.stop else { return Some(Task::Look) };
        let took = stopping.since.elapsed();
        if stopping.is_urgent || took >= self.grace + TERMINATE_AFTER {
            Some(Task::Terminate)
        } else {
            (took >= self.grace).then_some(Task::Cancel)
        }
    }
}

/// Runs tasks on its own connection.
struct Asking {
    url: String,
    connection: Option<PgConnection>,
    answers: Sender<Event>,
}

impl Asking {
    fn work(mut self, tasks: &Receiver<Task>) {
        while let Ok(task) = tasks.recv() {
            let answer = self.answer(task).unwrap_or_else(|| {
                self.connection = None;
                Answer::Failed
            });
            if self.answers.send(Event::Answered(answer)).is_err() {
                return;
            }
        }
    }

    fn answer(&mut self, task: Task) -> Option<Answer> {
        if self.connection.is_none() {
            self.connection = connect_watcher(&self.url).ok();
        }
        do_task(self.connection.as_mut()?, task).ok()
    }
}

fn do_task(connection: &mut PgConnection, task: Task) -> QueryResult<Answer> {
    match task {
        Task::Look => look(connection).map(Answer::Found),
        Task::Cancel => cancel_own(connection).map(|()| Answer::Done),
        Task::Terminate => terminate_own(connection).map(|()| Answer::Done),
    }
}
