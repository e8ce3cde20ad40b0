//! Polls of an elected office.

mod operations;
mod poll;
mod repository;

pub use operations::{
    CreateInitialPoll, InitialPollError, InitialPollQuestions, PollError, PollPage,
    ask_before_initial_poll, create_initial_poll, has_polls, list_polls, read_poll,
};
pub use poll::{Confidence, INITIAL_AUDIENCE, Poll, PollDraft, PollStatus};
pub use repository::Polls;
