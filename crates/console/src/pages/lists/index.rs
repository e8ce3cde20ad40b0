//! `GET /app/o/{organization}/lists`: the lists of an organization as cards.

use actix_web::web::Data;
use askama::Template;
use winserve_domain::saved_filters::{self, FilterProblem, SavedFilter};
use winserve_http::AppState;

use super::{address, done, sentence::sentence};
use crate::{
    components::{list_picker::name, notice::Notice, pager::grouped},
    failure::Failure,
    form::Query,
    mode::Words,
    navigation::Section,
    page::{Page, Show},
    pages::contacts::{of_list, pro},
    session::InOrganization,
    shell::Shell,
};

/// The lists of an organization.
#[derive(Template)]
#[template(path = "lists/index.html")]
pub(crate) struct ListsPage {
    shell: Shell,
    words: &'static Words,
    done: Option<Notice>,
    pro: Option<Notice>,
    new_list: String,
    cards: Vec<Card>,
}

struct Card {
    name: String,
    people: String,
    sentence: String,
    count: String,
    problem: Option<String>,
    edit: String,
    rename: String,
    duplicate: String,
    copy: String,
    count_again: String,
    delete: String,
}

impl Page for ListsPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    Query(query): Query,
) -> Result<Show<ListsPage>, Failure> {
    let lists = saved_filters::list(&state.ports, page.active.clone()).await?;
    let words = page.mode().words();
    Ok(Show::ok(ListsPage {
        shell: Shell::of(words.lists_page, Section::Lists, &page),
        words,
        done: done::notice(&query, &page),
        pro: (!page.active.may_search()).then(|| pro(&page)),
        new_list: format!("{}/new", Section::Lists.address(page.id())),
        cards: lists.iter().map(|list| Card::new(&page, list)).collect(),
    }))
}

impl Card {
    fn new(page: &InOrganization, list: &SavedFilter) -> Self {
        let mode = page.mode();
        let address = |what| address(page, list.id, what);
        Self {
            name: name(list).to_owned(),
            people: format!("{}?list={}", Section::Contacts.address(page.id()), list.id.0),
            sentence: sentence(&list.content, mode),
            count: count(list, mode.words()),
            problem: of_list(FilterProblem::of(&list.content).as_ref()),
            edit: address("edit"),
            rename: address("rename"),
            duplicate: address("duplicate"),
            copy: address("copy"),
            count_again: address("count"),
            delete: address("delete"),
        }
    }
}

/// How many people a list had when it was counted. Lists that were never counted have 0.
fn count(list: &SavedFilter, words: &Words) -> String {
    match list.content.voter_count.and_then(|count| u64::try_from(count).ok()) {
        None | Some(0) => format!("No {} counted yet", words.people),
        Some(count) => format!("{} {} when last counted", grouped(count), words.people),
    }
}
