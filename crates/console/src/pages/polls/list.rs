//! `GET /app/o/{organization}/polls`: the polls of an office, or the invitation to the first one.

use actix_web::web::Data;
use askama::Template;
use chrono::{DateTime, Utc};
use winserve_domain::{
    base::PollId,
    polls::{self, Poll, PollPage},
};
use winserve_http::AppState;

use super::{office, status};
use crate::{
    failure::Failure,
    form::Query,
    navigation::Section,
    page::{Page, Show},
    session::InOrganization,
    shell::Shell,
};

/// Polls on a page.
const PAGE: u32 = 20;

/// The polls of an office.
#[derive(Template)]
#[template(path = "polls/list.html")]
pub(crate) struct PollsPage {
    shell: Shell,
    rows: Vec<Row>,
    /// The address of the next page.
    next: Option<String>,
    first: String,
}

impl Page for PollsPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// A poll in the list.
struct Row {
    address: String,
    name: String,
    status: &'static str,
    responses: Option<i32>,
    sends: i32,
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    Query(query): Query,
) -> Result<Show<PollsPage>, Failure> {
    let from = query.filled("from").map(|id| PollId(id.to_owned()));
    let PollPage { polls, next } = polls::list(&state.ports, office(&page)?, from, PAGE).await?;
    let address = Section::Polls.address(page.id());
    let now = state.ports.now();
    Ok(Show::ok(PollsPage {
        shell: Shell::of("Polls", Section::Polls, &page),
        rows: polls.iter().map(|poll| row(poll, &address, now)).collect(),
        next: next.map(|id| format!("{address}?from={}", id.0)),
        first: format!("{address}/new"),
    }))
}

fn row(poll: &Poll, address: &str, now: DateTime<Utc>) -> Row {
    Row {
        address: format!("{address}/{}", poll.id.0),
        name: poll.name.clone(),
        status: status(poll, now),
        responses: poll.response_count,
        sends: poll.audience_size,
    }
}
