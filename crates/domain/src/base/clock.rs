//! The clock, injected so that tests decide what time it is.

use chrono::{DateTime, SubsecRound as _, Utc};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment in UTC, cut to the millisecond: that is what the database's
    /// `timestamp(3)` columns hold, so what is answered equals what is stored.
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
