//! `/app/o/{organization}/polls/new`: the first poll of an office.

use actix_web::{Either, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use winserve_domain::polls::{
    self, CreateInitialPoll, INITIAL_AUDIENCE, InitialPollError, PollDraft,
};
use winserve_http::{ApiError, AppState};

use super::office;
use crate::{
    components::{
        field::{ErrorSummary, Field},
        notice::{Kind, Notice},
    },
    failure::Failure,
    form::{Fields, Submitted},
    navigation::Section,
    page::{Page, Show, see},
    session::InOrganization,
    shell::Shell,
};

/// Longest message, in UTF-16 units: that of a text message with a picture.
const LONGEST: usize = 1_700;

/// The form for the first poll.
#[derive(Template)]
#[template(path = "polls/first.html")]
pub(crate) struct FirstPollPage {
    shell: Shell,
    notice: Option<Notice>,
    summary: Option<ErrorSummary>,
    message: Field,
    audience: i32,
    action: String,
    back: String,
}

impl Page for FirstPollPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

impl FirstPollPage {
    fn new(
        page: &InOrganization,
        message: &str,
        error: Option<&'static str>,
        notice: Option<Notice>,
    ) -> Self {
        let back = Section::Polls.address(page.id());
        let message = Field::lines("message", "Your message")
            .hint("1 to 1,700 characters. People answer in their own words.")
            .value(message)
            .error(error)
            .required();
        Self {
            shell: Shell::of("Create your first poll", Section::Polls, page),
            notice,
            summary: ErrorSummary::new(None, [&message]),
            message,
            audience: INITIAL_AUDIENCE,
            action: format!("{back}/new"),
            back,
        }
    }
}

pub(crate) async fn show(page: InOrganization) -> Result<Show<FirstPollPage>, Failure> {
    office(&page)?;
    Ok(Show::ok(FirstPollPage::new(&page, "", None, None)))
}

pub(crate) async fn submit(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
) -> Result<Either<HttpResponse, Show<FirstPollPage>>, Failure> {
    office(&page)?;
    let message = fields.text("message");
    if let Some(error) = wrong(message) {
        let page = FirstPollPage::new(&page, message, Some(error), None);
        return Ok(Either::Right(Show::refused(page, StatusCode::BAD_REQUEST)));
    }
    let poll = polls::create_initial(&state.ports, page.active.clone(), wish(&page, message)).await;
    match poll {
        Ok(poll) => {
            let address = Section::Polls.address(page.id());
            Ok(Either::Left(see(&format!("{address}/{}", poll.id.0))))
        }
        Err(error) => Ok(Either::Right(refused(&page, &fields, error))),
    }
}

/// What is wrong with a message.
fn wrong(message: &str) -> Option<&'static str> {
    match message.encode_utf16().count() {
        0 => Some("Enter what you want to ask"),
        length if length > LONGEST => Some("Shorten your message to 1,700 characters"),
        _ => None,
    }
}

/// The poll is sent at once, and the day of the oath stays as it is.
fn wish(page: &InOrganization, message: &str) -> CreateInitialPoll {
    let office = page.item.elected_office.as_ref();
    let message = message.to_owned();
    CreateInitialPoll {
        draft: PollDraft { message, image_url: None, scheduled_at: None },
        sworn_in_date: office.and_then(|office| office.term.sworn_in_date),
    }
}

fn refused(page: &InOrganization, fields: &Fields, error: InitialPollError) -> Show<FirstPollPage> {
    let has_poll = matches!(error, InitialPollError::HasPolls);
    let error = ApiError::from(error);
    error.log_source();
    let notice = if has_poll {
        let link = Section::Polls.address(page.id());
        Notice::new(Kind::Info, "You have a poll already", "An office has one first poll.")
            .with_link(link, "See your poll")
    } else {
        Notice::of(error.code())
    };
    let status = error.code().status();
    Show::refused(FirstPollPage::new(page, fields.text("message"), None, Some(notice)), status)
}
