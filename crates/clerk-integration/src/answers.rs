//! A cache of Clerk's answers.

use std::hash::Hash;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;

/// Answers that expire individually. A caller that asks while another one asks the same waits for that
/// answer.
pub(crate) struct Answers<K, V> {
    cache: Cache<K, (V, DateTime<Utc>)>,
}

impl<K: Eq + Hash + Clone, V: Clone> Answers<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity) }
    }

    /// The cached answer, or the answer of `ask`, which says how long it is valid. Failures are not cached.
    pub(crate) async fn get<E>(
        &self,
        key: &K,
        now: DateTime<Utc>,
        ask: impl AsyncFnOnce() -> Result<(V, DateTime<Utc>), E>,
    ) -> Result<V, E> {
        loop {
            match self.cache.get_value_or_guard_async(key).await {
                Ok((value, until)) if now < until => return Ok(value),
                Ok(_outdated) => drop(self.cache.remove_if(key, |(_, until)| *until <= now)),
                Err(guard) => {
                    let (value, until) = ask().await?;
                    // If the key was removed meanwhile, nothing is cached.
                    let _kept = guard.insert((value.clone(), until));
                    return Ok(value);
                }
            }
        }
    }

    /// Removes an answer.
    pub(crate) fn forget(&self, key: &K) {
        self.cache.remove(key);
    }
}
