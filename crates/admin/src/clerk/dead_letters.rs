//! Dead letters: organizations that were not synced after every attempt, or cannot be.

use uuid::Uuid;
use winserve_persistence::clerk_outbox::DeadLetter;

/// The pending action in Clerk, and the number of failed attempts.
#[must_use]
pub fn describe_dead_letter(letter: &DeadLetter) -> String {
    let what = if letter.is_deletion { "delete in Clerk" } else { "create or update in Clerk" };
    format!("{what}; {} attempts", letter.attempts)
}

/// The organization ids among keys; other keys are ignored.
#[must_use]
pub fn organizations_of(keys: &[String]) -> Vec<Uuid> {
    keys.iter().filter_map(|key| key.parse().ok()).collect()
}
