//! How adapters send requests.

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::upstream::{Failure, JSON, Question, Upstream};

/// Maximum size of an answer about one item, in bytes.
pub(super) const ONE: usize = 1 << 20;
/// Maximum size of a list: a state has thousands of districts of one type, at a hundred bytes each.
pub(super) const LIST: usize = 8 << 20;

/// What an adapter uses to send requests.
pub(super) struct Service {
    pub(super) upstream: Upstream,
    pub(super) position_budget: Duration,
    pub(super) budget: Duration,
}

impl Service {
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        route: &'static str,
        path: &str,
        query: &[(&str, &str)],
        limit: usize,
    ) -> Result<Option<T>, Failure> {
        self.ask_within(self.budget, route, path, query, limit).await
    }

    /// Sends a request; if the first attempt hangs, there is time for a second one.
    pub(super) async fn ask_within<T: DeserializeOwned>(
        &self,
        budget: Duration,
        route: &'static str,
        path: &str,
        query: &[(&str, &str)],
        limit: usize,
    ) -> Result<Option<T>, Failure> {
        let first_attempt = budget * 3 / 5;
        let question =
            Question { route, path, query, accept: JSON, body: None, budget, first_attempt, limit };
        self.upstream.ask(&question).await
    }
}
