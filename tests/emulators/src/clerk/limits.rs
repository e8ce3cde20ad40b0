//! Clerk's rate limits (the facts about Clerk, §1.2).

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Maximum requests in any window; none means no limit, which is the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Length of the window, in milliseconds of the emulator's clock.
    pub window_ms: u32,
    /// All requests, except for public keys.
    pub instance: Option<usize>,
    /// Requests that change one organization or its metadata.
    pub organization: Option<usize>,
    /// Requests that change one membership or its metadata.
    pub membership: Option<usize>,
}

/// Counts requests, and blocks endpoints.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    limits: RateLimits,
    taken: BTreeMap<String, VecDeque<i64>>,
    /// When the block ends, in milliseconds since 1970, by limited item and endpoint.
    blocked: BTreeMap<(String, String), i64>,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { window_ms: 10_000, instance: None, organization: None, membership: None }
    }
}

impl RateLimits {
    /// The limits of a development instance.
    #[must_use]
    pub fn development() -> Self {
        let (organization, membership) = (Some(10), Some(10));
        Self { instance: Some(100), organization, membership, ..Self::default() }
    }

    /// The limits of a production instance.
    #[must_use]
    pub fn production() -> Self {
        Self { instance: Some(1_000), ..Self::development() }
    }
}

impl Limiter {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts a request, or returns after how many seconds to retry. What is refused once is refused until
    /// then, even if there would be room.
    pub(crate) fn admit(&mut self, now: i64, method: &str, path: &str) -> Result<(), u64> {
        let Some(path) = path.strip_prefix("/v1/") else { return Ok(()) };
        if path == "jwks" {
            return Ok(());
        }
        let segments: Vec<&str> = path.split('/').collect();
        // Every second segment is an id.
        let kinds: Vec<&str> = segments.iter().step_by(2).copied().collect();
        let endpoint = format!("{method} {}/{}", kinds.join("/"), segments.len());
        let changes = matches!(method, "PATCH" | "PUT");
        let narrow = match segments.as_slice() {
            ["organizations", id] | ["organizations", id, "metadata"] if changes => {
                Some((format!("organization {id}"), self.limits.organization))
            }
            ["organizations", id, "memberships", user]
            | ["organizations", id, "memberships", user, "metadata"]
                if changes =>
            {
                Some((format!("membership {id} {user}"), self.limits.membership))
            }
            _ => None,
        };
        let all = [Some(("instance".to_owned(), self.limits.instance)), narrow];
        let limited: Vec<(String, usize)> = all
            .into_iter()
            .flatten()
            .filter_map(|(what, limit)| limit.map(|limit| (what, limit)))
            .collect();
        for (what, limit) in &limited {
            self.check(now, what, *limit, &endpoint)?;
        }
        for (what, _) in limited {
            self.taken.entry(what).or_default().push_back(now);
        }
        Ok(())
    }

    fn check(&mut self, now: i64, what: &str, limit: usize, endpoint: &str) -> Result<(), u64> {
        let key = (what.to_owned(), endpoint.to_owned());
        if let Some(until) = self.blocked.get(&key).filter(|until| **until > now) {
            return Err(seconds(until - now));
        }
        let window = i64::from(self.limits.window_ms);
        let taken = self.taken.entry(what.to_owned()).or_default();
        taken.retain(|at| *at > now - window);
        if taken.len() < limit {
            return Ok(());
        }
        let free = taken.front().map_or(window, |oldest| oldest + window - now);
        let pause = seconds(free);
        self.blocked.insert(key, now + i64::try_from(pause).unwrap_or(i64::MAX) * 1_000);
        Err(pause)
    }
}

/// Milliseconds as whole seconds, rounded up.
fn seconds(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or_default().div_ceil(1_000).max(1)
}
