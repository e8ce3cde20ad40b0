//! What the connections of a process know about their server, shared by all.

use std::{
    error::Error as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use winserve_domain::base::{BoxError, StoreError};

use crate::connect_error::ConnectError;

/// A connection younger than this is not replaced because of the server state: otherwise a
/// permanently read-only server would cost a new connection per write.
const YOUNG: Duration = Duration::from_secs(1);
/// How long a failed connection attempt also counts for others.
const UNREACHABLE: Duration = Duration::from_secs(1);
/// How long a server counts as full after its disk was full; then a write is tried.
const FULL: Duration = Duration::from_secs(5);

/// The server state.
#[derive(Default)]
pub(crate) struct ServerState {
    generation: AtomicU64,
    unreachable: Mutex<Option<(Instant, String)>>,
    full: Mutex<Option<Instant>>,
    has_pooler: AtomicBool,
    refuses_settings: AtomicBool,
}

/// When a connection was opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    at: Instant,
    generation: u64,
}

impl ServerState {
    /// For a connection that is about to be opened.
    pub(crate) fn birth(&self) -> Birth {
        Birth { at: Instant::now(), generation: self.generation.load(Ordering::Relaxed) }
    }

    /// The server of a connection is gone or read-only: after a failover, the same address leads to
    /// another server. All connections of the same age or older are replaced.
    pub(crate) fn replace(&self, birth: Birth) {
        if birth.at.elapsed() < YOUNG {
            return;
        }
        let (old, new) = (birth.generation, birth.generation + 1);
        let order = Ordering::Relaxed;
        if self.generation.compare_exchange(old, new, order, order).is_ok() {
            tracing::warn!("the database's server has changed or is gone: reconnecting");
        }
    }

    /// Whether a connection was opened before the last change of the server.
    pub(crate) fn is_outdated(&self, birth: Birth) -> bool {
        birth.generation != self.generation.load(Ordering::Relaxed)
    }

    /// Records the result of a connection attempt.
    pub(crate) fn note_attempt<T>(&self, attempt: &Result<T, ConnectError>) {
        let failed = attempt.as_ref().err().map(|error| (Instant::now(), with_causes(error)));
        let mut unreachable = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        match (unreachable.as_ref(), &failed) {
            (before, Some((_, error))) if before.is_none_or(|(_, it)| it != error) => {
                tracing::warn!(%error, "the database cannot be reached");
            }
            (Some(_), None) => tracing::info!("the database can be reached again"),
            _ => {}
        }
        *unreachable = failed;
    }

    /// Records that there is a pooler in front of the server.
    pub(crate) fn note_pooler(&self, refuses_settings: bool) {
        if !self.has_pooler.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "the database is reached through a connection pooler: every transaction sets its \
                 own settings, and statements are not kept prepared"
            );
        }
        self.refuses_settings.fetch_or(refuses_settings, Ordering::Relaxed);
    }

    /// Whether it rejects connections that start with a setting.
    pub(crate) fn refuses_settings(&self) -> bool {
        self.refuses_settings.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`StoreError::Unavailable`] when the server could not be reached a moment ago.
    pub(crate) fn require_reachable(&self) -> Result<(), StoreError> {
        let unreachable = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        match unreachable.as_ref() {
            Some((at, error)) if at.elapsed() < UNREACHABLE => {
                Err(StoreError::Unavailable(BoxError::from(error.clone())))
            }
            _ => Ok(()),
        }
    }

    /// Records that a write found the server's disk full.
    pub(crate) fn note_full(&self) {
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether the last recorded write found the disk full.
    pub(crate) fn may_be_full(&self) -> bool {
        self.full.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Records that a write found disk space.
    pub(crate) fn note_room(&self) {
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// # Errors
    /// [`StoreError::Unavailable`] when a write found no room a moment ago.
    pub(crate) fn require_room(&self) -> Result<(), StoreError> {
        let full = *self.full.lock().unwrap_or_else(PoisonError::into_inner);
        match full {
            Some(at) if at.elapsed() < FULL => {
                Err(StoreError::Unavailable("the server's disk is full".into()))
            }
            _ => Ok(()),
        }
    }
}

/// An error and its causes, in one line.
fn with_causes(error: &ConnectError) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts.join(": ")
}
