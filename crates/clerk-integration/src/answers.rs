//! What Clerk answered, for a while.

use std::hash::Hash;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;

/// Answers that count until a time of their own. Who asks while somebody asks the same waits for that
/// answer.
pub(crate) struct Answers<K, V> {
    cache: Cache<K, (V, DateTime<Utc>)>,
}

impl<K: Eq + Hash + Clone, V: Clone> Answers<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity) }
    }

    /// The answer at hand, else that of `ask`, which says how long it counts. A failure is not kept.
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
                    // Somebody may have forgotten the key meanwhile: then nothing is kept.
                    let _kept = guard.insert((value.clone(), until));
                    return Ok(value);
                }
            }
        }
    }

    /// Forgets an answer.
    pub(crate) fn forget(&self, key: &K) {
        self.cache.remove(key);
    }
}
