//! Caches answers for a while, and "not found" for a shorter time.

use std::{hash::Hash, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use winserve_domain::base::Clock;

/// Maximum number of entries; each has a few hundred bytes.
const ENTRIES: usize = 4_096;
/// How long a found answer is valid.
const FOUND: TimeDelta = TimeDelta::seconds(60);
/// How long a "not found" is valid.
const NOT_FOUND: TimeDelta = TimeDelta::seconds(10);

/// Answers by key; errors are never cached.
pub(crate) struct Answers<K, V> {
    entries: Cache<K, Remembered<V>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Remembered<V> {
    since: DateTime<Utc>,
    answer: Option<V>,
}

impl<K: Eq + Hash, V: Clone> Answers<K, V> {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { entries: Cache::new(ENTRIES), clock }
    }

    /// The cached answer, if it is still valid.
    pub(crate) fn get(&self, key: &K) -> Option<Option<V>> {
        let Remembered { since, answer } = self.entries.get(key)?;
        let age = self.clock.now() - since;
        let limit = if answer.is_some() { FOUND } else { NOT_FOUND };
        // If the clock is set back, the answer expires; it does not last forever.
        (TimeDelta::zero()..limit).contains(&age).then_some(answer)
    }

    pub(crate) fn insert(&self, key: K, answer: Option<V>) {
        self.entries.insert(key, Remembered { since: self.clock.now(), answer });
    }
}
