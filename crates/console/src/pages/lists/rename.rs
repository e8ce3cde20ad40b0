//! `/app/o/{organization}/lists/{list}/rename`.

use actix_web::{Either, HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use winserve_domain::saved_filters::{self, FilterContent};
use winserve_http::AppState;

use super::{
    address,
    done::Done,
    edit::name_field,
    form::{self, NAME, Problem},
    named,
};
use crate::{
    components::{
        field::{ErrorSummary, Field},
        list_picker::name,
    },
    failure::Failure,
    form::Submitted,
    navigation::Section,
    page::{Page, Show, see},
    session::InOrganization,
    shell::Shell,
};

/// The form of a list's name.
#[derive(Template)]
#[template(path = "lists/rename.html")]
pub(crate) struct RenamePage {
    shell: Shell,
    action: String,
    lists: String,
    errors: Option<ErrorSummary>,
    name: Field,
}

impl Page for RenamePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    request: HttpRequest,
) -> Result<Show<RenamePage>, Failure> {
    let id = named(&request)?;
    let list = saved_filters::find(&state.ports, page.active.clone(), id).await?;
    Ok(Show::ok(RenamePage::new(&page, address(&page, id, "rename"), name(&list), None)))
}

pub(crate) async fn rename(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
    request: HttpRequest,
) -> Result<Either<Show<RenamePage>, HttpResponse>, Failure> {
    let (id, name) = (named(&request)?, fields.text(NAME));
    if let Some(problem) = form::name_problem(name) {
        let form = RenamePage::new(&page, address(&page, id, "rename"), name, Some(problem));
        return Ok(Either::Left(Show::refused(form, StatusCode::UNPROCESSABLE_ENTITY)));
    }
    let content = FilterContent { name: Some(name.to_owned()), ..FilterContent::default() };
    saved_filters::update(&state.ports, page.active.clone(), id, content).await?;
    Ok(Either::Right(see(&Done::Renamed.lists(&page))))
}

impl RenamePage {
    fn new(page: &InOrganization, action: String, name: &str, problem: Option<Problem>) -> Self {
        let name = name_field(name, problem);
        Self {
            shell: Shell::of("Rename list", Section::Lists, page),
            action,
            lists: Section::Lists.address(page.id()),
            errors: ErrorSummary::new(None, [&name]),
            name,
        }
    }
}
