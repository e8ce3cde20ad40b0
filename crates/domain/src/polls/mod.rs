//! Polls of an elected office.

mod create_initial;
mod poll;
mod read;
mod repository;

pub use create_initial::{CreateInitialPoll, InitialPollError, create_initial};
pub use poll::{Confidence, INITIAL_AUDIENCE, Poll, PollDraft, PollStatus};
pub use read::{PollError, PollPage, find, has_any, list};
pub use repository::Polls;
