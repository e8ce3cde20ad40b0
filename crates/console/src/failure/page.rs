//! What a visitor sees instead of a page that there is not.

use actix_web::{
    Error, HttpRequest, HttpResponse, Responder as _, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
    middleware::Next,
};
use askama::Template;
use winserve_http::ErrorCode;

use super::{Explanation, Failure, explain};
use crate::{
    ROOT,
    components::switcher::{self, Choice},
    fields::Fields,
    page::{Page, Show, see},
    session::sign_in_address,
    shell::Shell,
};

/// Seconds after which a visitor may try again.
const RETRY_AFTER_SECONDS: &str = "2";

/// Characters of an unknown organization's name that are repeated: an id has fewer.
const LONGEST_NAME: usize = 64;

/// The page of a failure.
#[derive(Template)]
#[template(path = "failure/failure.html")]
struct FailurePage {
    shell: Shell,
    sentence: String,
    choices: Vec<Choice>,
}

impl Page for FailurePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// The page that keeps a form whose session has ended.
#[derive(Template)]
#[template(path = "failure/session_ended.html")]
struct SessionEndedPage {
    shell: Shell,
    action: String,
    fields: Fields,
    sign_in: Option<String>,
    form_token: String,
}

impl Page for SessionEndedPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// Shows a page instead of an error.
pub(crate) async fn show(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let Some(error) = response.response().error() else { return Ok(response) };
    let page = match error.as_error::<Failure>() {
        Some(failure) => page(failure, response.request()),
        None => of_framework(response.status(), response.request()),
    };
    Ok(response.into_response(page))
}

/// The page of an error that did not come from a handler, such as an unreadable address.
fn of_framework(status: StatusCode, request: &HttpRequest) -> HttpResponse {
    let code = match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        status if status.is_server_error() => ErrorCode::Internal,
        _ => ErrorCode::InvalidRequest,
    };
    explained(code, status, Shell::bare, request)
}

fn page(failure: &Failure, request: &HttpRequest) -> HttpResponse {
    let status = failure.status_code();
    let bare = |heading: &str, sentence: &str| {
        message(Shell::bare(heading), sentence.to_owned(), Vec::new(), status, request)
    };
    match failure {
        Failure::SignedOut { way_back } => signed_out(way_back, request),
        Failure::SessionEnded { action, fields } => {
            let page = SessionEndedPage {
                shell: Shell::bare("You were signed out"),
                action: action.clone(),
                sign_in: sign_in_address(request, ROOT),
                form_token: fields.text(crate::csrf::FIELD).to_owned(),
                fields: fields.clone(),
            };
            Show::refused(page, status).respond_to(request)
        }
        Failure::ForeignForm => bare(
            "This form cannot be accepted",
            "It was not sent from one of our pages, or cookies are switched off. Open the page again, fill \
             it in and send it.",
        ),
        Failure::UnreadableForm => {
            bare("This form cannot be read", "Open the page again, fill it in and send it.")
        }
        Failure::NoSuchPage => explained(ErrorCode::NotFound, status, Shell::bare, request),
        Failure::NoSuchOrganization { named, of } => {
            let shell = Shell::of_organizations("No such organization", of);
            let named: String = named.chars().take(LONGEST_NAME).collect();
            let sentence = format!(
                "You have no organization {named}. Choose one of yours, or sign in with the account that \
                 has it."
            );
            message(
                shell,
                sentence,
                switcher::choices(&of.organizations, of.today),
                status,
                request,
            )
        }
        Failure::InactiveOffice { of } => {
            let shell = Shell::of_organizations("This office is not held any more", of);
            let sentence = "Its pages are closed. Choose another of your organizations.".to_owned();
            message(
                shell,
                sentence,
                switcher::choices(&of.organizations, of.today),
                status,
                request,
            )
        }
        Failure::StaffOnly => bare("This page is for our staff", "Go back to your organizations."),
        Failure::NotMigrated => explained(ErrorCode::NotMigrated, status, Shell::bare, request),
        Failure::Broken => explained(ErrorCode::Internal, status, Shell::bare, request),
        Failure::Refused(error) => {
            error.log_source();
            explained(error.code(), status, Shell::bare, request)
        }
    }
}

/// The way to the sign-in page, or, without one, a page that says so.
fn signed_out(way_back: &str, request: &HttpRequest) -> HttpResponse {
    if let Some(address) = sign_in_address(request, way_back) {
        return see(&address);
    }
    let shell = Shell::bare("You are signed out");
    let sentence = "Sign in, then open this page again.".to_owned();
    message(shell, sentence, Vec::new(), StatusCode::UNAUTHORIZED, request)
}

fn explained(
    code: ErrorCode,
    status: StatusCode,
    shell: impl FnOnce(&str) -> Shell,
    request: &HttpRequest,
) -> HttpResponse {
    let Explanation { heading, sentence } = explain(code);
    message(shell(heading), sentence.to_owned(), Vec::new(), status, request)
}

fn message(
    shell: Shell,
    sentence: String,
    choices: Vec<Choice>,
    status: StatusCode,
    request: &HttpRequest,
) -> HttpResponse {
    let page = FailurePage { shell, sentence, choices };
    let mut response = Show::refused(page, status).respond_to(request);
    if matches!(status.as_u16(), 502..=504) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    response
}
