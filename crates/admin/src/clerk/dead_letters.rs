//! Dead letters: organizations that were not synced after every attempt, or cannot be.

use uuid::Uuid;
use winserve_persistence::clerk_outbox::DeadLetter;

/// What is to be done at Clerk, and how often it failed.
#[must_use]
pub fn describe_dead_letter(letter: &DeadLetter) -> String {
    let what = if letter.is_deletion { "delete at Clerk" } else { "create or update at Clerk" };
    format!("{what}; {} attempts", letter.attempts)
}

/// The ids of organizations among keys; a key of another kind names none.
#[must_use]
pub fn organizations_of(keys: &[String]) -> Vec<Uuid> {
    keys.iter().filter_map(|key| key.parse().ok()).collect()
}
