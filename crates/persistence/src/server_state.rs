//! What the connections of a process learn about the server behind them, for all of them.

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

/// A connection this young is not replaced for what it says about the server: else a server that stays
/// read-only would cost a new connection with every write.
const YOUNG: Duration = Duration::from_secs(1);
/// A failed attempt to connect answers for others so long.
const UNREACHABLE: Duration = Duration::from_secs(1);
/// A server whose disk was full counts as full so long; then a write is tried.
const FULL: Duration = Duration::from_secs(5);

/// What is known of the server.
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

    /// The server that a connection leads to is gone, or takes no writes: after a failover, the same
    /// address leads elsewhere. All connections as old are replaced.
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

    /// How an attempt to connect ended.
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

    /// A pooler is on the way to the server.
    pub(crate) fn note_pooler(&self, refuses_settings: bool) {
        if !self.has_pooler.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "the database is reached through a connection pooler: every transaction sets its \
                 own settings, and statements are not kept prepared"
            );
        }
        self.refuses_settings.fetch_or(refuses_settings, Ordering::Relaxed);
    }

    /// Whether it refuses connections that begin with a setting.
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

    /// A write found no room on the server's disk.
    pub(crate) fn note_full(&self) {
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether the last write that is known found no room.
    pub(crate) fn may_be_full(&self) -> bool {
        self.full.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// A write found room.
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

/// An error and its causes, on one line.
fn with_causes(error: &ConnectError) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts.join(": ")
}
