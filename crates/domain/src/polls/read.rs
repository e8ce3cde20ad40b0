//! Reading polls of elected officials (legacy contract §5.6).

use crate::{
    Ports,
    base::{PollId, StoreError},
    organizations::ActiveOffice,
    polls::Poll,
};

/// Polls of an office, in the order in which they came into being.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollPage {
    /// Those of this page.
    pub polls: Vec<Poll>,
    /// The first of the next page, if there is one.
    pub next: Option<PollId>,
}

/// A page of the polls of an office, from one of them on: `limit` at most.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    ports: &Ports,
    of: ActiveOffice,
    from: Option<PollId>,
    limit: u32,
) -> Result<PollPage, StoreError> {
    // One more tells whether there is a next page.
    let count = i64::from(limit) + 1;
    let mut polls = ports
        .database
        .read("poll.list", move |uow| uow.polls().list(of.id(), from.as_ref(), count))
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = polls.get(limit).map(|poll| poll.id.clone());
    polls.truncate(limit);
    Ok(PollPage { polls, next })
}

/// Whether an office has any poll.
///
/// # Errors
/// [`StoreError`].
pub async fn has_any(ports: &Ports, of: ActiveOffice) -> Result<bool, StoreError> {
    ports.database.read("poll.exist", move |uow| uow.polls().exist(of.id())).await
}

/// Why a poll was not read.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// There is none with the id.
    #[error("there is no such poll")]
    NotFound,
    /// It is another office's, be it one of the same user.
    #[error("the poll is another office's")]
    Foreign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A poll of an office, by id.
///
/// # Errors
/// [`PollError::NotFound`] before [`PollError::Foreign`], as the contract has it.
pub async fn find(ports: &Ports, of: ActiveOffice, id: PollId) -> Result<Poll, PollError> {
    let found = ports.database.read("poll.find", move |uow| uow.polls().find(&id)).await?;
    let poll = found.ok_or(PollError::NotFound)?;
    if poll.office.as_ref() == Some(of.id()) { Ok(poll) } else { Err(PollError::Foreign) }
}
