//! Limits parallel requests to people-api, and pauses them during an outage.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use metrics::counter;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use winserve_domain::contacts::PeopleUnavailable;

use crate::upstream::Failure;

/// Consecutive outages after which requests are paused.
const OUTAGES: u32 = 5;
/// Length of the pause. Then one request is let through.
const PAUSE: Duration = Duration::from_secs(10);

/// Lets a limited number of requests through, unless the service is in trouble.
pub(super) struct Gate {
    permits: Arc<Semaphore>,
    queue_timeout: Duration,
}

impl Gate {
    pub(super) fn new(at_once: usize, queue_timeout: Duration) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once)), queue_timeout }
    }

    /// Waits for a free slot; keep the permit until the request has ended.
    pub(super) async fn enter(
        &self,
        breaker: &Breaker,
    ) -> Result<OwnedSemaphorePermit, PeopleUnavailable> {
        breaker.check()?;
        let slot = timeout(self.queue_timeout, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = slot.ok().and_then(Result::ok).ok_or(PeopleUnavailable::Overloaded)?;
        // Others may have failed while this one waited.
        breaker.pass()?;
        Ok(permit)
    }
}

/// What is wrong with the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outage {
    /// It fails.
    Failing,
    /// It does not answer in time.
    Slow,
}

impl Outage {
    pub(super) fn of(failure: &Failure) -> Option<Self> {
        let kind = if failure.is_timeout() { Self::Slow } else { Self::Failing };
        failure.is_outage().then_some(kind)
    }
}

/// Why the service is not called at all.
#[derive(Debug, thiserror::Error)]
#[error("requests to people-api are paused after {OUTAGES} outages in a row")]
struct CallsPaused;

/// A circuit breaker: pauses requests to a service that is in trouble. Callers get the same kind of error as
/// the last outage.
#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    outages: u32,
    last: Option<Outage>,
    paused_until: Option<Instant>,
}

impl State {
    fn check(&self) -> Result<(), PeopleUnavailable> {
        match self.last.filter(|_| self.is_paused()) {
            None => Ok(()),
            Some(Outage::Failing) => Err(PeopleUnavailable::Failed(CallsPaused.into())),
            Some(Outage::Slow) => Err(PeopleUnavailable::TimedOut(CallsPaused.into())),
        }
    }

    fn is_paused(&self) -> bool {
        self.paused_until.is_some_and(|until| Instant::now() < until)
    }
}

impl Breaker {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails during a pause.
    fn check(&self) -> Result<(), PeopleUnavailable> {
        self.lock().check()
    }

    /// Fails during a pause. Afterwards one caller passes as a probe; the others wait for its result, or for
    /// another pause.
    fn pass(&self) -> Result<(), PeopleUnavailable> {
        let mut state = self.lock();
        state.check()?;
        if let Some(until) = &mut state.paused_until {
            *until = Instant::now() + PAUSE;
        }
        Ok(())
    }

    /// Records how a request ended: `None` if the service answered.
    pub(super) fn record(&self, outage: Option<Outage>) {
        let mut state = self.lock();
        if outage.is_none() {
            *state = State::default();
            return;
        }
        let is_trial = state.outages >= OUTAGES;
        state.outages = state.outages.saturating_add(1);
        state.last = outage;
        // Requests that were in flight when the pause started fail one after the other: they count as one
        // pause.
        if state.outages == OUTAGES || (is_trial && !state.is_paused()) {
            state.paused_until = Some(Instant::now() + PAUSE);
        }
        if state.outages == OUTAGES {
            counter!("upstream_rests_total", "service" => "people-api").increment(1);
            tracing::warn!("requests to people-api are paused");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_five_outages_it_rests_and_then_one_request_tries() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            breaker.record(Some(Outage::Failing));
        }
        assert!(breaker.pass().is_ok());
        breaker.record(Some(Outage::Failing));
        // Others that were in flight.
        breaker.record(Some(Outage::Failing));
        assert!(breaker.pass().is_err());
        advance(PAUSE).await;
        assert!(breaker.pass().is_ok());
        assert!(breaker.pass().is_err(), "one request tries");
        breaker.record(Some(Outage::Failing));
        assert!(breaker.pass().is_err());
        advance(PAUSE).await;
        assert!(breaker.pass().is_ok());
        breaker.record(None);
        assert!(breaker.pass().is_ok() && breaker.pass().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn during_a_pause_callers_get_the_error_of_the_last_outage() {
        let breaker = Breaker::default();
        for _ in 0..OUTAGES {
            breaker.record(Some(Outage::Slow));
        }
        assert!(matches!(breaker.pass(), Err(PeopleUnavailable::TimedOut(_))));
        advance(PAUSE).await;
        assert!(breaker.pass().is_ok());
        breaker.record(Some(Outage::Failing));
        assert!(matches!(breaker.pass(), Err(PeopleUnavailable::Failed(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_probe_is_followed_by_another() {
        let breaker = Breaker::default();
        for _ in 0..OUTAGES {
            breaker.record(Some(Outage::Failing));
        }
        advance(PAUSE).await;
        assert!(breaker.pass().is_ok());
        advance(PAUSE).await;
        assert!(breaker.pass().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_for_a_turn_is_refused_and_who_gave_up_leaves_it() {
        let (gate, breaker) = (Gate::new(1, Duration::from_secs(5)), Breaker::default());
        let first = gate.enter(&breaker).await.unwrap();
        let began = Instant::now();
        assert!(gate.enter(&breaker).await.is_err());
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        drop(first);
        assert!(gate.enter(&breaker).await.is_ok());
    }
}
