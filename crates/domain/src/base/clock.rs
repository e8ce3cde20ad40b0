//! The clock, injected so that tests decide what time it is.

use chrono::{DateTime, SubsecRound as _, Utc};

/// Provides the current time.
pub trait Clock: Send + Sync {
    /// The current time in UTC, truncated to the millisecond: the database's `timestamp(3)` columns
    /// hold no more, so answers equal what is stored.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
        Utc::now().trunc_subsecs(3)
    }
}
