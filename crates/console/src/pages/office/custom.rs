//! `GET /app/o/{organization}/office/custom`: describes an office that the search does not know.

use actix_web::http::StatusCode;
use askama::Template;

use super::{preview_address, wish::Wish};
use crate::{
    components::custom_office::CustomOfficeForm,
    failure::Failure,
    form::{Fields, Query},
    navigation::Section,
    page::{Page, Show},
    session::InOrganization,
    shell::Shell,
};

/// The form for an office that the search does not know.
#[derive(Template)]
#[template(path = "office/custom.html")]
pub(crate) struct CustomOfficePage {
    shell: Shell,
    form: CustomOfficeForm,
    people: &'static str,
    back: String,
}

impl Page for CustomOfficePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

impl CustomOfficePage {
    /// The form with what was typed.
    fn new(page: &InOrganization, query: &Fields) -> Self {
        Self {
            shell: Shell::of("Describe your office", Section::Office, page),
            form: CustomOfficeForm::new(preview_address(page.id()), query, page.mode()),
            people: page.mode().words().people,
            back: Section::Office.address(page.id()),
        }
    }
}

/// The form again, if it was sent with something wrong.
pub(super) fn refused(
    wish: &Wish,
    page: &InOrganization,
    query: &Fields,
) -> Option<Show<CustomOfficePage>> {
    let form = wish.is_custom().then(|| CustomOfficePage::new(page, query))?;
    form.form.is_refused().then(|| Show::refused(form, StatusCode::BAD_REQUEST))
}

pub(crate) async fn show(
    page: InOrganization,
    Query(query): Query,
) -> Result<Show<CustomOfficePage>, Failure> {
    Ok(Show::ok(CustomOfficePage::new(&page, &query)))
}
