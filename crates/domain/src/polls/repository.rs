//! The repository of polls.

use chrono::{DateTime, Utc};

use crate::{
    base::{ElectedOfficeId, PollId, StoreError},
    polls::Poll,
};

/// Reads and writes polls.
pub trait Polls {
    /// # Errors
    /// [`StoreError`].
    fn find(&mut self, id: &PollId) -> Result<Option<Poll>, StoreError>;

    /// Up to `limit` polls of the office by id, starting at this id, which need not exist.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(
        &mut self,
        of: &ElectedOfficeId,
        from: Option<&PollId>,
        limit: i64,
    ) -> Result<Vec<Poll>, StoreError>;

    /// Whether an office has polls.
    ///
    /// # Errors
    /// [`StoreError`].
    fn exist(&mut self, of: &ElectedOfficeId) -> Result<bool, StoreError>;

    /// Creates a poll without responses.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert(&mut self, poll: &Poll, now: DateTime<Utc>) -> Result<(), StoreError>;
}
