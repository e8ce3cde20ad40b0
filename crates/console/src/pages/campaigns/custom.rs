//! `GET /app/new-campaign/custom`: describes an office that the search does not know.

use actix_web::http::StatusCode;
use askama::Template;

use super::{address, preview_address, wish::describes};
use crate::{
    components::custom_office::CustomOfficeForm,
    failure::Failure,
    form::{Fields, Query},
    mode::Mode,
    page::{Page, Show},
    session::WithOrganizations,
    shell::Shell,
};

/// The form for an office that the search does not know.
#[derive(Template)]
#[template(path = "campaigns/custom.html")]
pub(crate) struct DescribeOfficePage {
    shell: Shell,
    form: CustomOfficeForm,
    back: String,
}

impl Page for DescribeOfficePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

impl DescribeOfficePage {
    /// The form with what was typed.
    fn new(of: &WithOrganizations, query: &Fields) -> Self {
        Self {
            shell: Shell::of_organizations("Describe your office", of),
            form: CustomOfficeForm::new(preview_address(), query, Mode::Campaign),
            back: address(),
        }
    }
}

/// The form again, if it was sent with something wrong.
pub(super) fn refused(of: &WithOrganizations, query: &Fields) -> Option<Show<DescribeOfficePage>> {
    let form = describes(query).then(|| DescribeOfficePage::new(of, query))?;
    form.form.is_refused().then(|| Show::refused(form, StatusCode::BAD_REQUEST))
}

pub(crate) async fn show(
    of: WithOrganizations,
    Query(query): Query,
) -> Result<Show<DescribeOfficePage>, Failure> {
    Ok(Show::ok(DescribeOfficePage::new(&of, &query)))
}
