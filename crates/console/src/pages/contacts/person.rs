//! `GET /app/o/{organization}/contacts/{person}`: what is known of a person.

use actix_web::{HttpRequest, web::Data};
use askama::Template;
use uuid::Uuid;
use winserve_domain::contacts::{self, ContactsError, ForProduct, ServeContact, WinContact};
use winserve_http::AppState;

use super::{
    away,
    facts::{self, FactGroup},
};
use crate::{
    components::notice::Notice,
    failure::Failure,
    mode::Words,
    navigation::Section,
    page::{Page, Show},
    session::InOrganization,
    shell::Shell,
};

/// A person, or why nothing can be said of them.
#[derive(Template)]
#[template(path = "contacts/person.html")]
pub(crate) struct PersonPage {
    shell: Shell,
    words: &'static Words,
    people: String,
    summary: Option<String>,
    groups: Result<Vec<FactGroup>, Notice>,
}

impl Page for PersonPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    request: HttpRequest,
) -> Result<Show<PersonPage>, Failure> {
    let id = Uuid::parse_str(request.match_info().query("person"));
    let id = id.map_err(|_no_person| Failure::NoSuchPage)?.to_string();
    let person = contacts::find(&state.ports, &page.active, &id).await;
    Ok(Show::ok(PersonPage::new(&page, person)?))
}

type Person = Option<ForProduct<WinContact, ServeContact>>;

impl PersonPage {
    fn new(page: &InOrganization, person: Result<Person, ContactsError>) -> Result<Self, Failure> {
        let (heading, summary, groups) = match person {
            Ok(None) => return Err(Failure::NoSuchPage),
            Ok(Some(person)) => {
                let facts = match &person {
                    ForProduct::Win(person) => &person.facts,
                    ForProduct::Serve(person) => &person.facts,
                };
                (facts::full_name(facts), facts::summary(facts), Ok(facts::groups(person)))
            }
            Err(error) => ("Person".to_owned(), None, Err(away(error, page)?)),
        };
        Ok(Self {
            shell: Shell::of(&heading, Section::Contacts, page),
            words: page.mode().words(),
            people: Section::Contacts.address(page.id()),
            summary,
            groups,
        })
    }
}
