//! `GET /app/o/{organization}/polls/{poll}`: one poll.

use actix_web::web::{Data, Path};
use askama::Template;
use winserve_domain::{
    base::PollId,
    polls::{self, Confidence, PollError},
};
use winserve_http::AppState;

use super::{office, status};
use crate::{
    days,
    failure::Failure,
    navigation::Section,
    page::{Page, Show},
    session::InOrganization,
    shell::Shell,
};

/// A poll.
#[derive(Template)]
#[template(path = "polls/poll.html")]
pub(crate) struct PollPage {
    shell: Shell,
    status: &'static str,
    message: String,
    responses: Option<i32>,
    sends: i32,
    scheduled: String,
    expected: String,
    completed: Option<String>,
    has_low_confidence: bool,
    back: String,
}

impl Page for PollPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    path: Path<(String, String)>,
) -> Result<Show<PollPage>, Failure> {
    let (_, id) = path.into_inner();
    let poll = match polls::find(&state.ports, office(&page)?, PollId(id)).await {
        // Whether a poll exists elsewhere is nobody's business.
        Err(PollError::Foreign) => return Err(Failure::NoSuchPage),
        found => found?,
    };
    Ok(Show::ok(PollPage {
        shell: Shell::of(&poll.name, Section::Polls, &page),
        status: status(&poll, state.ports.now()),
        responses: poll.response_count,
        sends: poll.audience_size,
        scheduled: days::shown(poll.scheduled_at.date_naive()),
        expected: days::shown(poll.estimated_completion_at.date_naive()),
        completed: poll.completed_at.map(|at| days::shown(at.date_naive())),
        has_low_confidence: poll.confidence == Some(Confidence::Low),
        message: poll.message,
        back: Section::Polls.address(page.id()),
    }))
}
