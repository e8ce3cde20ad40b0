//! `POST /app/o/{organization}/lists/{list}/count`.

use actix_web::{Either, HttpRequest, HttpResponse, web::Data};
use askama::Template;
use winserve_domain::saved_filters::{self, CountAgainError};
use winserve_http::AppState;

use super::{done::Done, named};
use crate::{
    components::notice::Notice,
    failure::Failure,
    form::Submitted,
    mode::Words,
    navigation::Section,
    page::{Page, Show, see},
    pages::contacts::away,
    session::InOrganization,
    shell::Shell,
};

/// Why a list could not be counted.
#[derive(Template)]
#[template(path = "lists/not_counted.html")]
pub(crate) struct NotCountedPage {
    shell: Shell,
    words: &'static Words,
    notice: Notice,
    lists: String,
}

impl Page for NotCountedPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn count_again(
    state: Data<AppState>,
    Submitted { by: page, .. }: Submitted<InOrganization>,
    request: HttpRequest,
) -> Result<Either<Show<NotCountedPage>, HttpResponse>, Failure> {
    let id = named(&request)?;
    match saved_filters::count_again(&state.ports, page.active.clone(), id).await {
        Ok(_) => Ok(Either::Right(see(&Done::Counted.lists(&page)))),
        Err(CountAgainError::Filter(error)) => Err(error.into()),
        Err(CountAgainError::Contacts(error)) => Ok(Either::Left(Show::ok(NotCountedPage {
            shell: Shell::of("The list could not be counted", Section::Lists, &page),
            words: page.mode().words(),
            notice: away(error, &page)?,
            lists: Section::Lists.address(page.id()),
        }))),
    }
}
