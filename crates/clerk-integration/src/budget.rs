//! How often Clerk is asked about machine tokens that have never counted.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Questions that may be asked at once after a quiet time.
const BURST: i32 = 10;
/// How long it takes until one more may be asked.
const INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// Questions under way at most: the client's other calls are left to logins.
const UNDER_WAY: usize = 4;

/// A budget of questions. Anybody can make up a machine token; without a bound they would use up
/// Clerk's quota, and with it the first logins of others.
pub(crate) struct Budget {
    /// When all of the burst may be used again.
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

    /// A question to be asked now; `None` when too many were asked lately, or are under way.
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
