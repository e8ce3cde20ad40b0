//! `/app/o/{organization}/lists/new` and `/lists/{list}/edit`: the form of a list.

use actix_web::{Either, HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use winserve_domain::{
    base::SavedFilterId,
    contacts::{self, ContactsError},
    saved_filters::{self, FilterContent, LONGEST_NAME},
};
use winserve_http::AppState;

use super::{
    address,
    done::Done,
    form::{self, Problem},
    named,
    sentence::sentence,
};
use crate::{
    components::{
        field::{ErrorSummary, Field},
        filter_form::FilterForm,
        notice::Notice,
        pager::grouped,
    },
    failure::Failure,
    form::Submitted,
    navigation::Section,
    page::{Page, Show, see},
    pages::contacts::{away, pro},
    session::InOrganization,
    shell::Shell,
};

/// The form of a new or saved list.
#[derive(Template)]
#[template(path = "lists/edit.html")]
pub(crate) struct EditPage {
    shell: Shell,
    action: String,
    count_action: String,
    lists: String,
    pro: Option<Notice>,
    errors: Option<ErrorSummary>,
    name: Field,
    filters: FilterForm,
    sentence: String,
    count: String,
    away: Option<Notice>,
}

impl Page for EditPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// A page, or where to go after a form.
type Answer = Result<Either<Show<EditPage>, HttpResponse>, Failure>;

pub(crate) async fn new(
    state: Data<AppState>,
    page: InOrganization,
) -> Result<Show<EditPage>, Failure> {
    let lists = saved_filters::list(&state.ports, page.active.clone()).await?;
    let name = Some(saved_filters::free_name(&lists));
    Ok(Show::ok(EditPage::new(&page, None, &FilterContent { name, ..FilterContent::default() })))
}

pub(crate) async fn create(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
) -> Answer {
    let content = form::read(&fields, page.mode());
    if let Some(problem) = form::problem(&content) {
        return Ok(Either::Left(EditPage::new(&page, None, &content).refused(problem)));
    }
    let list = saved_filters::create_counted(&state.ports, page.active.clone(), content).await?;
    Ok(Either::Right(see(&Done::Saved.people(&page, list.id))))
}

pub(crate) async fn edit(
    state: Data<AppState>,
    page: InOrganization,
    request: HttpRequest,
) -> Result<Show<EditPage>, Failure> {
    let id = named(&request)?;
    let list = saved_filters::find(&state.ports, page.active.clone(), id).await?;
    Ok(Show::ok(EditPage::new(&page, Some(id), &list.content)))
}

pub(crate) async fn update(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
    request: HttpRequest,
) -> Answer {
    let (id, content) = (named(&request)?, form::read(&fields, page.mode()));
    if let Some(problem) = form::problem(&content) {
        return Ok(Either::Left(EditPage::new(&page, Some(id), &content).refused(problem)));
    }
    let of = page.active.clone();
    saved_filters::update_counted(&state.ports, of, id, content).await?;
    Ok(Either::Right(see(&Done::Saved.people(&page, id))))
}

/// Counts what is chosen, without saving it. The form keeps everything.
pub(crate) async fn count(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
    request: HttpRequest,
) -> Result<Show<EditPage>, Failure> {
    let content = form::read(&fields, page.mode());
    let counted = contacts::count(&state.ports, &page.active, &content).await;
    let form = EditPage::new(&page, named(&request).ok(), &content);
    Ok(Show::ok(form.counted(counted, &page)?))
}

impl EditPage {
    fn new(page: &InOrganization, id: Option<SavedFilterId>, content: &FilterContent) -> Self {
        let lists = Section::Lists.address(page.id());
        let (heading, action, count_action) = match id {
            None => ("Create list", format!("{lists}/new"), format!("{lists}/new/count")),
            Some(id) => ("Edit list", address(page, id, "edit"), address(page, id, "edit/count")),
        };
        Self {
            shell: Shell::of(heading, Section::Lists, page),
            action,
            count_action,
            lists,
            pro: (!page.active.may_search()).then(|| pro(page)),
            errors: None,
            name: name_field(content.name.as_deref().unwrap_or_default(), None),
            filters: FilterForm::new(content, page.mode()),
            sentence: sentence(content, page.mode()),
            count: "Not counted yet".to_owned(),
            away: None,
        }
    }

    fn refused(mut self, problem: Problem) -> Show<Self> {
        let is_of_name = problem.is_of_name();
        let error = is_of_name.then_some(problem);
        self.name = self.name.error(error.map(Problem::sentence));
        let sentence = (!is_of_name).then(|| problem.sentence().to_owned());
        self.errors = ErrorSummary::new(sentence, [&self.name]);
        Show::refused(self, StatusCode::UNPROCESSABLE_ENTITY)
    }

    fn counted(
        mut self,
        counted: Result<i64, ContactsError>,
        page: &InOrganization,
    ) -> Result<Self, Failure> {
        match counted {
            Ok(count) => {
                let people = page.mode().words().people;
                self.count = format!("{} {people}", grouped(count.unsigned_abs()));
            }
            Err(error) => {
                self.away = Some(away(error, page)?);
                "They could not be counted. Try again in a minute".clone_into(&mut self.count);
            }
        }
        Ok(self)
    }
}

/// The field of a list's name.
pub(super) fn name_field(name: &str, problem: Option<Problem>) -> Field {
    Field::text(form::NAME, "Name of the list")
        .hint(format!("At most {LONGEST_NAME} characters."))
        .value(name)
        .error(problem.map(Problem::sentence))
        .required()
}
