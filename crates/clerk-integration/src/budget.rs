//! Limits how often Clerk is called about machine tokens that were never valid.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Size of a burst after a quiet time.
const BURST: i32 = 10;
/// Time until one more call is allowed.
const INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// Maximum number of calls in flight: the client's other calls are reserved for logins.
const UNDER_WAY: usize = 4;

/// A budget of calls (token bucket). Anybody can make up a machine token; without a limit, such tokens would
/// use up Clerk's quota and block first logins.
pub(crate) struct Budget {
    /// When the whole burst is available again.
    full_at: Mutex<DateTime<Utc>>,
    under_way: Semaphore,
}

impl Budget {
    pub(crate) const fn new() -> Self {
        Self {
            full_at: Mutex::new(DateTime::UNIX_EPOCH),
            under_way: Semaphore::const_new(UNDER_WAY),
        }
    }

    /// Permission for a call now; `None` if there were too many recently, or too many are in flight.
    pub(crate) fn take(&self, now: DateTime<Utc>) -> Option<SemaphorePermit<'_>> {
        let permit = self.under_way.try_acquire().ok()?;
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*full_at).max(now) + INTERVAL;
        if next - now > INTERVAL * BURST {
            return None;
        }
        *full_at = next;
        Some(permit)
    }
}
