//! `GET /app/o/{organization}/office/preview`: what a change of office or district would do; and
//! `POST /app/o/{organization}/office`, which makes it.

use actix_web::{Either, HttpResponse, web::Data};
use askama::Template;
use url::form_urlencoded;
use winserve_domain::{
    organizations::{self, ChangeOrganizationError, ChangePreview, OrganizationItem},
    saved_filters::{FilterProblem, SavedFilter},
};
use winserve_http::{ApiError, AppState};

use super::{
    custom::{self, CustomOfficePage},
    preview_address, shown_district,
    wish::{KEEP, SEEN, Wish, version},
};
use crate::{
    components::{count, custom_office, notice::Notice},
    failure::Failure,
    form::{Fields, Query, Submitted},
    mode::Words,
    navigation::Section,
    page::{Page, Show, see},
    session::InOrganization,
    shell::Shell,
};

/// A change before it is made.
#[derive(Template)]
#[template(path = "office/preview.html")]
pub(crate) struct PreviewPage {
    shell: Shell,
    words: &'static Words,
    /// What would change, or why nothing can.
    outcome: Result<Change, Notice>,
    fields: Fields,
    action: String,
}

impl Page for PreviewPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// What would change.
struct Change {
    offices: BeforeAndAfter,
    districts: BeforeAndAfter,
    changes_contacts: bool,
    /// How many people it has, or why that is not known.
    count: String,
    lists: Vec<List>,
    /// The own district that another office does not keep, and the address of the same change that keeps it.
    dropped: Option<(String, String)>,
    /// The version that the visitor looks at.
    seen: String,
}

/// A value before and after the change.
struct BeforeAndAfter {
    before: String,
    after: String,
}

impl BeforeAndAfter {
    fn is_same(&self) -> bool {
        self.before == self.after
    }
}

/// A saved list that is affected.
struct List {
    name: String,
    /// Whether it selects by values that are not there.
    has_problem: bool,
}

impl PreviewPage {
    fn new(page: &InOrganization, fields: Fields, outcome: Result<Change, Notice>) -> Self {
        Self {
            shell: Shell::of("Check the change", Section::Office, page),
            words: page.mode().words(),
            outcome,
            fields,
            action: Section::Office.address(page.id()),
        }
    }

    /// The page of a change that was refused, with the way back.
    fn refused(
        page: &InOrganization,
        fields: Fields,
        error: ChangeOrganizationError,
    ) -> Show<Self> {
        let error = ApiError::from(error);
        error.log_source();
        let back = Section::Office.address(page.id());
        let notice = Notice::of(error.code()).with_link(back, "Choose again");
        Show::refused(Self::new(page, fields, Err(notice)), error.code().status())
    }

    /// The fields that make the change.
    fn repeated(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.repeatable().filter(|(name, _)| name != SEEN)
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    Query(fields): Query,
) -> Result<Either<Show<CustomOfficePage>, Show<PreviewPage>>, Failure> {
    let wish = Wish::read(&fields).ok_or(Failure::NoSuchPage)?;
    if let Some(form) = custom::refused(&wish, &page, &fields) {
        return Ok(Either::Left(form));
    }
    Ok(Either::Right(
        match organizations::preview(&state.ports, wish.command(&page, &fields)).await {
            Ok(preview) => {
                let change = change(&page, &fields, preview);
                Show::ok(PreviewPage::new(&page, fields, Ok(change)))
            }
            Err(error) => PreviewPage::refused(&page, fields, error),
        },
    ))
}

pub(crate) async fn submit(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
) -> Result<Either<HttpResponse, Show<PreviewPage>>, Failure> {
    let wish = Wish::read(&fields).ok_or(Failure::UnreadableForm)?;
    if wish.is_custom() && !custom_office::is_complete(&fields) {
        return Err(Failure::UnreadableForm);
    }
    let done = if wish.is_office() { "office" } else { "district" };
    match organizations::change(&state.ports, wish.command(&page, &fields)).await {
        Ok(item) => {
            let address = Section::Office.address(item.id);
            Ok(Either::Left(see(&format!("{address}?done={done}"))))
        }
        Err(error) => Ok(Either::Right(PreviewPage::refused(&page, fields, error))),
    }
}

fn change(page: &InOrganization, fields: &Fields, preview: ChangePreview) -> Change {
    let ChangePreview { before, after, changes_contacts, contacts, filters } = preview;
    let own = before.link.as_ref().and_then(|link| link.own_district());
    let is_kept = own == after.link.as_ref().and_then(|link| link.own_district());
    let keep = own
        .filter(|_| !is_kept && fields.filled("position").is_some())
        .map(|own| (shown_district(own), keeping(page, fields)));
    Change {
        offices: BeforeAndAfter { before: office(&before), after: office(&after) },
        districts: BeforeAndAfter { before: district(&before), after: district(&after) },
        changes_contacts,
        count: count::shown(contacts, page.mode()),
        lists: filters.into_iter().map(list).collect(),
        dropped: keep,
        seen: version(&before),
    }
}

/// The address of the same change that keeps the own district.
fn keeping(page: &InOrganization, fields: &Fields) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields.repeatable()).append_pair(KEEP, "1");
    format!("{}?{}", preview_address(page.id()), query.finish())
}

fn office(item: &OrganizationItem) -> String {
    item.position_name().unwrap_or("None").to_owned()
}

fn district(item: &OrganizationItem) -> String {
    let district = item.link.as_ref().and_then(|link| link.effective_district());
    district.map_or_else(|| "None".to_owned(), |it| shown_district(&it.district))
}

fn list(filter: SavedFilter) -> List {
    List {
        has_problem: FilterProblem::of(&filter.content).is_some(),
        name: filter.content.name.unwrap_or_else(|| "List without a name".to_owned()),
    }
}
