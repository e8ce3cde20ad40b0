//! How many organizations are synced, for people.

use uuid::Uuid;
use winserve_domain::clerk::InstanceProblem;
use winserve_persistence::clerk_outbox::ClerkStatus;

/// How many organizations are synced, and how many wait.
#[must_use]
pub fn status_lines(status: &ClerkStatus) -> Vec<String> {
    let is_on = if status.is_on { "on" } else { "off" };
    let mut lines = vec![format!(
        "Clerk sync is {is_on}: {} of {} organizations are in Clerk; {} are waiting, the oldest for {} s",
        status.provided, status.organizations, status.pending, status.oldest_seconds
    )];
    if status.without_member > 0 {
        let keys: Vec<_> = status.without_member_keys.iter().map(Uuid::to_string).collect();
        lines.push(format!(
            "  {} have no member, because the owner has no Clerk account yet: {}",
            status.without_member,
            keys.join(", ")
        ));
    }
    for (reason, rows) in &status.dead_letters {
        lines.push(format!("  dead letters: {reason} ({rows})"));
    }
    let halted = status.halted_by.as_deref().and_then(InstanceProblem::parse);
    lines.extend(halted.map(|problem| format!("  Clerk sync is halted: {problem}")));
    lines
}
