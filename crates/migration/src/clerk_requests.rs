//! What the backfill itself asks of Clerk: within the budget that the workers have, for as long as phase 1b
//! is on.

use std::time::{Duration, Instant};

use crate::{
    clerk_organizations::ClerkRun,
    phase,
    run::engine::RunError,
    sql::{pause_clerk, take_clerk_request},
};
use winserve_domain::clerk::DirectoryFailure;
use winserve_persistence::{
    PgConnection,
    backends::{Announced, announce},
};

/// Tries of a request that nobody answers.
const TRIES: u32 = 3;
/// Before each further one.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest sleep before the switch is looked at.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Asks Clerk, and again where that may help. What Clerk says of leaving it alone counts for all workers,
/// too.
pub(crate) fn ask<T>(
    connection: &mut PgConnection,
    options: &ClerkRun,
    mut call: impl FnMut(&mut PgConnection) -> Result<Result<T, DirectoryFailure>, RunError>,
) -> Result<T, RunError> {
    let began = Instant::now();
    let (mut not_before, mut tries) = (began, 0);
    let mut waiting = None;
    loop {
        wait_for_budget(connection, options, began, not_before, &mut waiting)?;
        tries += 1;
        let failure = match call(connection)? {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let rest = match &failure {
            DirectoryFailure::Busy(rest) | DirectoryFailure::Unknown { rest: Some(rest), .. } => {
                pause_clerk(connection, *rest)?;
                *rest
            }
            _ => PAUSE,
        };
        let may_help = match &failure {
            DirectoryFailure::Busy(_) => true,
            DirectoryFailure::NotSent(_) | DirectoryFailure::Unknown { .. } => tries < TRIES,
            DirectoryFailure::Refused(_) => false,
        };
        if !may_help || patience_left(options, began).is_none() {
            return Err(failure.into());
        }
        not_before = Instant::now() + rest;
    }
}

/// Waits for a request of the budget until the patience, the switch or a signal ends it.
fn wait_for_budget(
    connection: &mut PgConnection,
    options: &ClerkRun,
    began: Instant,
    not_before: Instant,
    waiting: &mut Option<Announced>,
) -> Result<(), RunError> {
    loop {
        if options.stop.is_requested() {
            return Err(RunError::Stopped);
        }
        if !phase::read_switch(connection)?.is_some_and(|switch| switch.is_on) {
            return Err(RunError::TurnedOff);
        }
        let rest = not_before.saturating_duration_since(Instant::now());
        let rest = if rest.is_zero() {
            let taken = take_clerk_request(connection, options.pace.requests_per_second)?;
            let Some(rest) = taken else { return Ok(()) };
            rest
        } else {
            rest
        };
        let Some(left) = patience_left(options, began) else {
            return Err(DirectoryFailure::Busy(rest).into());
        };
        waiting.get_or_insert_with(|| announce("Clerk to accept a request"));
        options.stop.sleep(rest.min(left).min(LONGEST_SLEEP));
    }
}

/// How long it may be waited yet.
fn patience_left(options: &ClerkRun, began: Instant) -> Option<Duration> {
    options.patience.checked_sub(began.elapsed()).filter(|left| !left.is_zero())
}
