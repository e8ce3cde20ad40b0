//! The repository of polls.

use chrono::{DateTime, Utc};

use crate::{
    base::{ElectedOfficeId, PollId, StoreError},
    polls::Poll,
};

/// Reads and writes polls.
///
/// Unless stated otherwise, a method fails only with [`StoreError`].
#[expect(clippy::missing_errors_doc, reason = "the trait describes the errors of its methods")]
pub trait Polls {
    /// The poll with this id.
    fn find(&mut self, id: &PollId) -> Result<Option<Poll>, StoreError>;

    /// Up to `limit` polls of the office by id, starting at this id, which need not exist.
    fn list(
        &mut self,
        of: &ElectedOfficeId,
        from: Option<&PollId>,
        limit: i64,
    ) -> Result<Vec<Poll>, StoreError>;

    /// Whether an office has polls.
    fn exist(&mut self, of: &ElectedOfficeId) -> Result<bool, StoreError>;

    /// Creates a poll without responses.
    fn insert(&mut self, poll: &Poll, now: DateTime<Utc>) -> Result<(), StoreError>;
}
