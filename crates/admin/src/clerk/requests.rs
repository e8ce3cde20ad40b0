//! Calls to Clerk by commands: within the budget of all workers, and only while the sync is on.

use std::time::{Duration, Instant};

use winserve_domain::clerk::DirectoryFailure;
use winserve_persistence::{
    PgConnection,
    backends::{Announced, announce},
    clerk_outbox::{self, Requester},
};

use super::{ClerkAccess, ClerkError};

/// Attempts of an unanswered request.
const ATTEMPTS: u32 = 3;
/// The wait before each further attempt.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest sleep before the switch is read again.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Calls Clerk, and retries if that may help. A rate limit pauses all workers, too.
pub(super) fn ask<T>(
    connection: &mut PgConnection,
    access: &ClerkAccess,
    mut call: impl FnMut(&mut PgConnection) -> Result<Result<T, DirectoryFailure>, ClerkError>,
) -> Result<T, ClerkError> {
    let began = Instant::now();
    let (mut not_before, mut attempts) = (began, 0);
    let mut waiting = None;
    loop {
        wait_for_budget(connection, access, began, not_before, &mut waiting)?;
        attempts += 1;
        let failure = match call(connection)? {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let rest = match &failure {
            DirectoryFailure::Busy(rest) | DirectoryFailure::Unknown { rest: Some(rest), .. } => {
                clerk_outbox::pause(connection, *rest, None)?;
                *rest
            }
            _ => BACKOFF,
        };
        let may_help = match &failure {
            DirectoryFailure::Busy(_) => true,
            DirectoryFailure::NotSent(_) | DirectoryFailure::Unknown { .. } => attempts < ATTEMPTS,
            DirectoryFailure::Refused(_) => false,
        };
        if !may_help || patience_left(access, began).is_none() {
            return Err(failure.into());
        }
        not_before = Instant::now() + rest;
    }
}

/// Waits for a request from the budget until patience runs out, the switch is turned off, or a
/// signal arrives.
fn wait_for_budget(
    connection: &mut PgConnection,
    access: &ClerkAccess,
    began: Instant,
    not_before: Instant,
    waiting: &mut Option<Announced>,
) -> Result<(), ClerkError> {
    loop {
        if access.stop.is_requested() {
            return Err(ClerkError::Stopped);
        }
        if !clerk_outbox::is_on(connection)? {
            return Err(ClerkError::TurnedOff);
        }
        let rest = not_before.saturating_duration_since(Instant::now());
        let rest = if rest.is_zero() {
            let rate = access.limits.requests_per_second;
            let taken = clerk_outbox::take_request(connection, rate, Requester::Operator)?;
            let Some(rest) = taken else { return Ok(()) };
            rest
        } else {
            rest
        };
        let Some(left) = patience_left(access, began) else {
            return Err(DirectoryFailure::Busy(rest).into());
        };
        waiting.get_or_insert_with(|| announce("Clerk to accept a request"));
        access.stop.sleep(rest.min(left).min(LONGEST_SLEEP));
    }
}

/// How much longer to wait.
fn patience_left(access: &ClerkAccess, began: Instant) -> Option<Duration> {
    access.patience.checked_sub(began.elapsed()).filter(|left| !left.is_zero())
}
