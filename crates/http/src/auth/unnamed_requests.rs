//! Requests that leave open which organization they are about.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Counts requests by users with several organizations that name none (`organization_missing_total`): phase 2
/// refuses them, so its gate requires that there are none left.
#[derive(Debug, Clone, Default)]
pub struct UnnamedRequests(Arc<AtomicU64>);

impl UnnamedRequests {
    pub(super) fn count(&self, route: String) {
        metrics::counter!("organization_missing_total", "route" => route).increment(1);
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns their number since the start, whenever it is called.
    #[must_use]
    pub fn counter(&self) -> impl Fn() -> u64 + Send + use<> {
        let total = Arc::clone(&self.0);
        move || total.load(Ordering::Relaxed)
    }
}
