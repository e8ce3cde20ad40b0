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

    /// The polls of an office by id, from this one on, which need not be there; `limit` at most.
    ///
    /// # Errors
    /// [`StoreError`].
    fn list(
        &mut self,
        of: &ElectedOfficeId,
        from: Option<&PollId>,
        limit: i64,
    ) -> Result<Vec<Poll>, StoreError>;

    /// Whether an office has any.
    ///
    /// # Errors
    /// [`StoreError`].
    fn exist(&mut self, of: &ElectedOfficeId) -> Result<bool, StoreError>;

    /// Creates a poll that nobody has answered yet.
    ///
    /// # Errors
    /// [`StoreError`].
    fn insert(&mut self, poll: &Poll, now: DateTime<Utc>) -> Result<(), StoreError>;
}
