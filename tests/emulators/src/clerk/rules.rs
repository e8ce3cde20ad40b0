//! Planned faults: ordered rules, each with a match and an action.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// A rule. The first one that is due applies; without any, nothing goes wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The requests.
    #[serde(rename = "match", default)]
    pub matches: Match,
    /// The action.
    pub action: Action,
    /// How often to apply; without it, always.
    #[serde(default)]
    pub times: Option<u32>,
    /// How often it was applied.
    #[serde(default)]
    pub hits: u32,
    /// How many requests it has matched.
    #[serde(default)]
    pub seen: u32,
}

/// Which requests a rule is for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// For example `POST`; without it, any.
    pub method: Option<String>,
    /// A path in which `*` stands for any text; without it, any.
    pub path_glob: Option<String>,
    /// A part of the body; without it, any.
    pub body_contains: Option<String>,
    /// Of the requests that match the above, only this one: 1 is the first.
    pub nth: Option<u32>,
    /// Of the requests that match the above, this fraction from 0 to 1, drawn with the seed: the same seed
    /// always selects the same ones.
    pub probability: Option<f64>,
}

/// What happens to a request. "Done" means that it takes effect, whatever is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// An error with this status and one of Clerk's codes.
    Status {
        /// HTTP status.
        status: u16,
        /// Clerk's error code.
        code: String,
    },
    /// 429.
    RateLimit {
        /// Seconds.
        retry_after: u64,
    },
    /// An error with this status and header `Retry-After`.
    RetryLater {
        /// HTTP status.
        status: u16,
        /// Seconds, or any other text.
        retry_after: String,
    },
    /// The correct answer; it is done late, and not at all if the client has disconnected by then.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// It is done, and the correct answer is late.
    CommitThenDelay {
        /// Milliseconds.
        ms: u64,
    },
    /// No answer.
    Hang,
    /// The connection breaks, and nothing is done.
    ResetBeforeCommit,
    /// It is done, and the connection breaks.
    CommitThenDrop,
    /// It is done, and the answer is an error.
    CommitThenStatus {
        /// HTTP status.
        status: u16,
    },
    /// It is done, and the answer ends before its announced length.
    TruncateBody,
    /// It is done, and the answer is 200 with a body that is not JSON.
    BadJson,
    /// It is done, and the answer has no content type.
    NoContentType,
    /// An error page.
    HtmlError {
        /// HTTP status.
        status: u16,
    },
    /// Organizations and members are shown in an earlier state.
    StaleList {
        /// This many milliseconds ago.
        ms: u64,
    },
}

impl Match {
    /// Requests with this method and a matching path, in which `*` stands for any text.
    #[must_use]
    pub fn of(method: &str, path_glob: &str) -> Self {
        let (method, path_glob) = (Some(method.to_owned()), Some(path_glob.to_owned()));
        Self { method, path_glob, ..Self::default() }
    }

    /// Requests with any method and a matching path.
    pub(crate) fn of_path(path_glob: &str) -> Self {
        Self { path_glob: Some(path_glob.to_owned()), ..Self::default() }
    }

    pub(crate) fn fits(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path_glob.as_deref().is_none_or(|glob| fits_glob(glob, path))
    }
}

impl Rule {
    /// Applies to every matching request.
    #[must_use]
    pub fn always(matches: Match, action: Action) -> Self {
        Self { matches, action, times: None, hits: 0, seen: 0 }
    }

    /// Applies to the next matching request.
    #[must_use]
    pub fn once(matches: Match, action: Action) -> Self {
        Self { times: Some(1), ..Self::always(matches, action) }
    }

    /// Whether the rule applies to this request. `seed` differs from rule to rule.
    fn is_due(&mut self, seed: u64, (method, path, body): (&str, &str, &str)) -> bool {
        let Match { body_contains, nth, probability, .. } = &self.matches;
        if self.times.is_some_and(|times| self.hits >= times)
            || !self.matches.fits(method, path)
            || body_contains.as_ref().is_some_and(|part| !body.contains(part))
        {
            return false;
        }
        self.seen += 1;
        // Each draw is independent, so rules do not affect each other's draws.
        let draw = Rng::with_seed(seed ^ u64::from(self.seen)).f64();
        let is_due = nth.is_none_or(|nth| nth == self.seen)
            && probability.is_none_or(|probability| draw < probability);
        self.hits += u32::from(is_due);
        is_due
    }
}

/// The action for a request with this method, path and body: that of the first rule that is due.
pub(crate) fn due(rules: &mut [Rule], seed: u64, request: (&str, &str, &str)) -> Option<Action> {
    let mut seeds = Rng::with_seed(seed);
    let mut turns = rules.iter_mut().map(|rule| (rule.is_due(seeds.u64(..), request), rule));
    turns.find_map(|(is_due, rule)| is_due.then(|| rule.action.clone()))
}

/// Whether a path matches a pattern.
fn fits_glob(glob: &str, path: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == path };
    let Some(mut left) = path.strip_prefix(start) else { return false };
    loop {
        if fits_glob(rest, left) {
            return true;
        }
        let mut letters = left.chars();
        if letters.next().is_none() {
            return false;
        }
        left = letters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::fits_glob;

    #[test]
    fn a_star_stands_for_any_text() {
        for (glob, path) in [
            ("/v1/users/*", "/v1/users/user_1"),
            ("*", ""),
            ("/v1/*/verify", "/v1/m2m_tokens/verify"),
            ("/v1/jwks", "/v1/jwks"),
            ("*jwks*", "/.well-known/jwks.json"),
        ] {
            assert!(fits_glob(glob, path), "{glob} {path}");
        }
        assert!(!fits_glob("/v1/users/*", "/v1/jwks") && !fits_glob("/v1/jwks", "/v1/jwks/x"));
    }
}
