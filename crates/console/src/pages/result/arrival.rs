//! `/app/o/{organization}/welcome`: what came along to a new organization and what did not, and the lists of the
//! other one to copy.

use actix_web::{Either, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use winserve_domain::{
    base::{OrganizationId, SavedFilterId},
    organizations::{
        self, ActiveOrganization, Header, OrganizationItem, OrganizationReference,
        RequestedOrganization, RouteScope,
    },
    saved_filters::{self, SavedFilter},
};
use winserve_http::{ApiError, AppState};

use crate::{
    ROOT,
    components::notice::{Kind, Notice},
    failure::Failure,
    form::{Fields, Query, Submitted},
    mode::Words,
    navigation::Section,
    page::{Page, Show, see},
    pages::office::shown_district,
    session::InOrganization,
    shell::Shell,
};

/// The field with the organization that this one came from.
const FROM: &str = "from";
/// The field with the lists to copy.
const LIST: &str = "list";

/// A new organization.
#[derive(Template)]
#[template(path = "result/arrival.html")]
pub(crate) struct ArrivalPage {
    shell: Shell,
    words: &'static Words,
    is_office: bool,
    office: String,
    district: String,
    is_set_by_hand: bool,
    data_page: String,
    notice: Option<Notice>,
    /// The organization that it came from.
    from: Option<Origin>,
    action: String,
}

impl Page for ArrivalPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// The organization that a new one came from.
struct Origin {
    id: OrganizationId,
    name: String,
    lists: Vec<List>,
    /// Why its lists cannot be copied.
    obstacle: Option<Notice>,
}

/// A list to copy.
struct List {
    id: i32,
    name: String,
    /// Whether a part of it is left out.
    loses_party: bool,
}

/// The address of the page.
pub(crate) fn address(organization: OrganizationId, from: Option<OrganizationId>) -> String {
    let address = format!("{ROOT}/o/{organization}/welcome");
    match from {
        Some(from) => format!("{address}?{FROM}={from}"),
        None => address,
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    Query(query): Query,
) -> Result<Show<ArrivalPage>, Failure> {
    let from = match other(&page, &query)? {
        Some((active, item)) => {
            let lists = saved_filters::list(&state.ports, active).await?;
            Some(Origin::new(&page, &item, lists))
        }
        None => None,
    };
    Ok(Show::ok(ArrivalPage::new(&page, from, copied(&query))))
}

pub(crate) async fn copy_lists(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
) -> Result<Either<HttpResponse, Show<ArrivalPage>>, Failure> {
    let (active, item) = other(&page, &fields)?.ok_or(Failure::UnreadableForm)?;
    let chosen: Vec<_> =
        fields.all(LIST).filter_map(|id| id.parse().ok()).map(SavedFilterId).collect();
    if chosen.is_empty() {
        let lists = saved_filters::list(&state.ports, active).await?;
        let notice = Notice::new(Kind::Warning, "Nothing was copied", "Choose at least one list.");
        let page = ArrivalPage::new(&page, Some(Origin::new(&page, &item, lists)), Some(notice));
        return Ok(Either::Right(Show::refused(page, StatusCode::BAD_REQUEST)));
    }
    let to = page.active.clone();
    let copies = saved_filters::copy_several(&state.ports, active, chosen, to).await?;
    let address = address(page.id(), Some(item.id));
    Ok(Either::Left(see(&format!("{address}&copied={}", copies.len()))))
}

/// Another organization of the visitor, which the fields name.
fn other(
    page: &InOrganization,
    fields: &Fields,
) -> Result<Option<(ActiveOrganization, OrganizationItem)>, Failure> {
    let Some(named) = fields.filled(FROM) else { return Ok(None) };
    let reference = OrganizationReference::parse(named).ok_or(Failure::NoSuchPage)?;
    let requested = RequestedOrganization { header: Header::Names(reference), claim: None };
    let visitor = &page.of.visitor.user;
    let active = organizations::resolve(
        RouteScope::Shared,
        visitor.naming,
        visitor.user.id,
        &requested,
        &visitor.holdings,
    )
    .map_err(ApiError::from)?;
    let mut items = page.of.organizations.iter();
    let item = items.find(|item| Some(item.id) == active.id()).ok_or(Failure::NoSuchPage)?;
    Ok(Some((active, item.clone())))
}

/// What a copy led to.
fn copied(query: &Fields) -> Option<Notice> {
    let heading = match query.text("copied").parse().ok()? {
        1_u32 => "1 list is copied".to_owned(),
        count => format!("{count} lists are copied"),
    };
    Some(Notice::new(Kind::Success, heading, "The originals stay where they are."))
}

impl ArrivalPage {
    fn new(page: &InOrganization, from: Option<Origin>, notice: Option<Notice>) -> Self {
        let is_office = page.mode().is_office();
        let heading = if is_office { "Your office is open" } else { "Your campaign is started" };
        let link = page.item.link.as_ref();
        let district = link.and_then(|link| link.effective_district());
        Self {
            shell: Shell::of(heading, Section::Overview, page),
            words: page.mode().words(),
            is_office,
            office: page.item.position_name().unwrap_or("None yet").to_owned(),
            district: district
                .map_or_else(|| "None yet".to_owned(), |it| shown_district(&it.district)),
            is_set_by_hand: link.is_some_and(|link| link.district_manually_set),
            data_page: Section::Contacts.address(page.id()),
            notice,
            action: address(page.id(), None),
            from,
        }
    }
}

impl Origin {
    fn new(page: &InOrganization, item: &OrganizationItem, lists: Vec<SavedFilter>) -> Self {
        let loses_party = !page.active.may_use_party();
        let list = |filter: SavedFilter| List {
            id: filter.id.0,
            loses_party: loses_party && !filter.content.party().is_empty(),
            name: filter.content.name.unwrap_or_else(|| "List without a name".to_owned()),
        };
        Self {
            id: item.id,
            name: item.name(),
            obstacle: obstacle(page),
            lists: lists.into_iter().map(list).collect(),
        }
    }
}

/// Why an organization cannot have lists yet.
fn obstacle(page: &InOrganization) -> Option<Notice> {
    if !page.item.keeps_filters {
        let sentence = "Offices get their own lists soon. Come back to this page then.";
        return Some(Notice::new(Kind::Info, "Lists cannot be copied yet", sentence));
    }
    (!page.active.may_search()).then(|| {
        let sentence = "Upgrade this campaign to Pro to save lists. Then copy them here.";
        Notice::new(Kind::Info, "Lists need Pro", sentence)
    })
}
