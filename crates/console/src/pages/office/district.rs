//! `GET /app/o/{organization}/office/district`: chooses a district in the state of the office: its type, then
//! its name.

use actix_web::web::Data;
use askama::Template;
use winserve_domain::{
    Ports,
    positions::{self, District, DistrictOption, DistrictScope, ElectionUnavailable},
};
use winserve_http::AppState;

use super::{preview_address, shown_district};
use crate::{
    components::{
        field::Field,
        notice::{Kind, Notice},
        office_search::away,
    },
    failure::Failure,
    form::{Fields, Query},
    navigation::Section,
    page::{Page, Show},
    session::InOrganization,
    shell::Shell,
};

/// The choice of a district.
#[derive(Template)]
#[template(path = "office/district.html")]
pub(crate) struct DistrictPage {
    shell: Shell,
    district: Option<String>,
    /// The district that a reset brings back, if the holder has another one.
    reset: Option<Reset>,
    choice: Choice,
    action: String,
    preview: String,
    back: String,
}

impl Page for DistrictPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// The way back to the district of the office.
struct Reset {
    address: String,
    /// The district of the office; `None` if it has none.
    district: Option<String>,
}

/// What is to be chosen next.
enum Choice {
    /// Nothing can be chosen.
    Nothing(Notice),
    /// A type.
    Type(Field),
    /// A name within the type.
    Name { kind: String, kind_shown: String, name: Field },
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    Query(query): Query,
) -> Result<Show<DistrictPage>, Failure> {
    let address = Section::Office.address(page.id());
    let link = page.item.link.as_ref();
    let (own, of_office) = (
        link.and_then(|link| link.own_district()),
        link.and_then(|link| link.position.l2_district.as_ref()),
    );
    let preview = preview_address(page.id());
    Ok(Show::ok(DistrictPage {
        choice: choice(&state.ports, &page, &query).await,
        shell: Shell::of("Change the district", Section::Office, &page),
        district: link
            .and_then(|it| it.effective_district())
            .map(|it| shown_district(&it.district)),
        reset: own.map(|_| Reset {
            address: format!("{preview}?reset=1"),
            district: of_office.map(|it| shown_district(&it.district)),
        }),
        action: format!("{address}/district"),
        preview,
        back: address,
    }))
}

async fn choice(ports: &Ports, page: &InOrganization, query: &Fields) -> Choice {
    let state = page.item.link.as_ref().and_then(|link| link.position.state.clone());
    let Some(state) = state else { return Choice::Nothing(without_state(page)) };
    let scope = DistrictScope { state, election_year: None, exclude_invalid: false };
    let Some(kind) = query.filled("type") else {
        return match positions::district_types(ports, &scope).await {
            Ok(types) => type_choice(types, may_choose_state(page)),
            Err(error) => Choice::Nothing(away(&error)),
        };
    };
    names(kind, positions::district_names(ports, &scope, kind).await)
}

/// A whole state needs a permission.
fn may_choose_state(page: &InOrganization) -> bool {
    page.item.can_download_federal || page.of.visitor.is_staff()
}

fn type_choice(types: Vec<DistrictOption>, may_choose_state: bool) -> Choice {
    let is_statewide =
        |kind: &str| District { kind: kind.to_owned(), name: String::new() }.is_statewide();
    let options: Vec<_> = types
        .into_iter()
        .map(|option| option.text)
        .filter(|kind| may_choose_state || !is_statewide(kind))
        .map(|kind| (kind.clone(), kind.replace('_', " ")))
        .collect();
    if options.is_empty() {
        return Choice::Nothing(nothing_known());
    }
    Choice::Type(Field::choice("type", "District Type", options).required())
}

fn names(kind: &str, names: Result<Vec<DistrictOption>, ElectionUnavailable>) -> Choice {
    let names = match names {
        Ok(names) if names.is_empty() => return Choice::Nothing(nothing_known()),
        Ok(names) => names,
        Err(error) => return Choice::Nothing(away(&error)),
    };
    let options = names.into_iter().map(|name| (name.text.clone(), name.text)).collect();
    Choice::Name {
        kind: kind.to_owned(),
        kind_shown: kind.replace('_', " "),
        name: Field::choice("name", "District Name", options).required(),
    }
}

fn without_state(page: &InOrganization) -> Notice {
    let sentence = "A district is inside the state of your office. Choose an office that has one.";
    Notice::new(Kind::Info, "Your office has no state yet", sentence)
        .with_link(Section::Office.address(page.id()), "Find your office")
}

fn nothing_known() -> Notice {
    let sentence =
        "There are no such districts in your state. Choose another type, or write to our support.";
    Notice::new(Kind::Info, "No districts found", sentence)
}
