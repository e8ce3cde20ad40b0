//! `GET /app/o/{organization}/contacts`: the people of the district, list by list and page by page.

use actix_web::web::Data;
use askama::Template;
use futures_util::future::join;
use url::form_urlencoded;
use winserve_domain::{
    contacts::{
        self, ContactFacts, ContactPage, ContactsError, ForProduct, PageRequest, Serve, Win,
    },
    saved_filters::{self, Criteria, FilterContent, FilterProblem, Flag, SavedFilter, Segment},
};
use winserve_http::AppState;

use super::{away, facts, notices, of_list};
use crate::{
    components::{
        known::Known,
        list_picker::{Chosen, ListPicker, SIZES},
        notice::Notice,
        pager::{Pager, grouped},
    },
    failure::Failure,
    form::{Fields, Query},
    mode::Words,
    navigation::Section,
    page::{Page, Show},
    pages::lists::{done, sentence::sentence},
    session::InOrganization,
    shell::Shell,
};

const USUAL_SIZE: u32 = 20;

/// The people of a list.
#[derive(Template)]
#[template(path = "contacts/list.html")]
pub(crate) struct ContactsPage {
    shell: Shell,
    words: &'static Words,
    done: Option<Notice>,
    picker: ListPicker,
    pro: Option<Notice>,
    sentence: Option<String>,
    problem: Option<String>,
    people: Result<People, Notice>,
    statistics: String,
    new_list: String,
    edit: Option<String>,
}

/// People of a page, or none.
struct People {
    rows: Vec<Row>,
    pager: Pager,
    /// The file of the whole list, for who may download it.
    file: Option<File>,
    is_search: bool,
}

struct Row {
    address: String,
    name: String,
    gender: Known,
    age: Known,
    street: Known,
    cell_phone: Known,
    landline: Known,
}

struct File {
    address: String,
    rows: i64,
    rows_text: String,
}

impl Page for ContactsPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    Query(query): Query,
) -> Result<Show<ContactsPage>, Failure> {
    let request = request(&query, page.active.may_search());
    let (found, lists) = join(
        contacts::page(&state.ports, &page.active, &request),
        saved_filters::list(&state.ports, page.active.clone()),
    )
    .await;
    Ok(Show::ok(ContactsPage::new(&page, &query, &request, found, &lists?)?))
}

/// What an address asks for. What is unusable is as if it were absent: an old link still opens.
fn request(query: &Fields, may_search: bool) -> PageRequest {
    let number = |name| query.text(name).parse::<u32>().ok();
    let is_page = |page: &u32| (1..=i32::MAX.unsigned_abs()).contains(page);
    PageRequest {
        page: number("page").filter(is_page).unwrap_or(1),
        page_size: number("size").filter(|size| SIZES.contains(size)).unwrap_or(USUAL_SIZE),
        search: query.filled("search").filter(|_| may_search).map(str::to_owned),
        segment: Some(query.filled("list").unwrap_or("all").to_owned()),
    }
}

type Found = ForProduct<ContactPage<Win>, ContactPage<Serve>>;

impl ContactsPage {
    fn new(
        page: &InOrganization,
        query: &Fields,
        request: &PageRequest,
        found: Result<Found, ContactsError>,
        lists: &[SavedFilter],
    ) -> Result<Self, Failure> {
        let mode = page.mode();
        let address = Section::Contacts.address(page.id());
        let list = request.segment.as_deref().unwrap_or_default();
        let chosen = Chosen {
            list,
            search: request.search.as_deref().unwrap_or_default(),
            size: request.page_size,
        };
        let may_search = page.active.may_search();
        let own = lists.iter().find(|own| own.id.0.to_string() == list);
        let content = own.map(|own| own.content.clone()).or_else(|| built_in(list));
        let people = match found {
            Ok(found) => Ok(People::new(page, &address, request, found)),
            Err(error) => Err(away(error, page)?),
        };
        let lists_address = Section::Lists.address(page.id());
        Ok(Self {
            shell: Shell::of(mode.words().data_page, Section::Contacts, page),
            words: mode.words(),
            done: done::notice(query, page),
            picker: ListPicker::new(address.clone(), mode, lists, &chosen, may_search),
            pro: (!may_search).then(|| notices::pro(page)),
            sentence: content.map(|content| sentence(&content, mode)),
            problem: of_list(own.and_then(|own| FilterProblem::of(&own.content)).as_ref()),
            people,
            statistics: format!("{address}/statistics"),
            new_list: format!("{lists_address}/new"),
            edit: own.map(|own| format!("{lists_address}/{}/edit", own.id.0)),
        })
    }
}

/// A built-in list as a filter, for its sentence.
fn built_in(list: &str) -> Option<FilterContent> {
    let criteria = Criteria::built_in(Segment::parse(list)?)?;
    let flags = [("hasCellPhone", criteria.has_cell_phone), ("hasLandline", criteria.has_landline)];
    let flags = flags.into_iter().filter_map(|(key, is_on)| Some((Flag::parse(key)?, is_on)));
    Some(FilterContent { flags: flags.collect(), ..FilterContent::default() })
}

impl People {
    fn new(page: &InOrganization, address: &str, request: &PageRequest, found: Found) -> Self {
        let row = |facts: ContactFacts| Row::new(address, facts);
        let (total, current, rows) = match found {
            ForProduct::Win(found) => {
                let rows = found.people.into_iter().map(|person| row(person.facts)).collect();
                (found.total_results, found.current_page, rows)
            }
            ForProduct::Serve(found) => {
                let rows = found.people.into_iter().map(|person| row(person.facts)).collect();
                (found.total_results, found.current_page, rows)
            }
        };
        let size = request.page_size;
        let at = |page: u64| format!("{address}?{}", query_at(request, page));
        let total_rows = u64::try_from(total).unwrap_or_default();
        let current = u64::try_from(current).unwrap_or(1);
        let is_search = request.search.is_some();
        let list = request.segment.as_deref().unwrap_or_default();
        let file = (page.active.may_search() && !is_search && total > 0).then(|| File {
            address: format!("{address}/download?{}", encoded(&[("list", list)])),
            rows: total,
            rows_text: grouped(total_rows),
        });
        let words = page.mode().words();
        Self {
            rows,
            pager: Pager::new(words.people, current, u64::from(size), total_rows, at),
            file,
            is_search,
        }
    }
}

/// The query of another page of the same people.
fn query_at(request: &PageRequest, page: u64) -> String {
    let (page, size) = (page.to_string(), request.page_size.to_string());
    let list = request.segment.as_deref().unwrap_or_default();
    let mut fields = vec![("list", list), ("size", &size), ("page", &page)];
    if let Some(search) = &request.search {
        fields.insert(1, ("search", search));
    }
    encoded(&fields)
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

impl Row {
    fn new(address: &str, facts: ContactFacts) -> Self {
        Self {
            address: format!("{address}/{}", facts.id),
            name: facts::name(&facts),
            gender: Known(facts.gender),
            age: Known(facts.age.map(|age| age.to_string())),
            street: Known(facts.address.line1),
            cell_phone: Known(facts.cell_phone),
            landline: Known(facts.landline),
        }
    }
}
