//! Reading polls of elected officials (legacy contract §5.6).

use crate::{
    Ports,
    base::{PollId, StoreError},
    organizations::ActiveOffice,
    polls::Poll,
};

/// Polls of an office, in order of creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollPage {
    /// The polls of this page.
    pub polls: Vec<Poll>,
    /// The first poll of the next page, if there is one.
    pub next: Option<PollId>,
}

/// A page of up to `limit` polls of an office, starting at one of them.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    ports: &Ports,
    of: ActiveOffice,
    from: Option<PollId>,
    limit: u32,
) -> Result<PollPage, StoreError> {
    // One more row shows whether there is a next page.
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

/// Whether an office has polls.
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
    /// It belongs to another office, even if of the same user.
    #[error("the poll is another office's")]
    Foreign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A poll of an office, by id.
///
/// # Errors
/// [`PollError::NotFound`] before [`PollError::Foreign`], as the contract requires.
pub async fn find(ports: &Ports, of: ActiveOffice, id: PollId) -> Result<Poll, PollError> {
    let found = ports.database.read("poll.find", move |uow| uow.polls().find(&id)).await?;
    let poll = found.ok_or(PollError::NotFound)?;
    if poll.office.as_ref() == Some(of.id()) { Ok(poll) } else { Err(PollError::Foreign) }
}
