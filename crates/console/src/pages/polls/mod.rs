//! Polls of an office: the list, the first poll, one poll.

pub(crate) mod first;
pub(crate) mod list;
pub(crate) mod poll;

use chrono::{DateTime, Utc};
use winserve_domain::{
    organizations::ActiveOffice,
    polls::{Poll, PollStatus},
};

use crate::{failure::Failure, session::InOrganization};

/// The organization of a campaign has no polls.
fn office(page: &InOrganization) -> Result<ActiveOffice, Failure> {
    page.active.elected_office().ok_or(Failure::NoSuchPage)
}

/// The status of a poll as people read it.
fn status(poll: &Poll, now: DateTime<Utc>) -> &'static str {
    match poll.status(now) {
        PollStatus::Scheduled => "Scheduled",
        PollStatus::InProgress => "In progress",
        PollStatus::Completed => "Completed",
    }
}
