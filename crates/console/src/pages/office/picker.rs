//! `GET /app/o/{organization}/office`: the office and the district, and the search for another office.

use actix_web::web::Data;
use askama::Template;
use winserve_http::AppState;

use super::{preview_address, shown_district};
use crate::{
    components::{
        notice::{Kind, Notice},
        office_search::OfficeSearch,
    },
    failure::Failure,
    form::{Fields, Query},
    navigation::Section,
    page::{Page, Show},
    session::InOrganization,
    shell::Shell,
};

/// The office of an organization, and the search for another one.
#[derive(Template)]
#[template(path = "office/picker.html")]
pub(crate) struct OfficePage {
    shell: Shell,
    notice: Option<Notice>,
    office: Option<String>,
    state: Option<String>,
    district: Option<String>,
    is_set_by_hand: bool,
    search: OfficeSearch,
    custom: String,
    district_page: String,
}

impl Page for OfficePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    Query(query): Query,
) -> Result<Show<OfficePage>, Failure> {
    let address = Section::Office.address(page.id());
    let link = page.item.link.as_ref();
    let user = &page.of.visitor.user.user;
    let zip = link.and_then(|link| link.position.zip.as_deref()).or(user.zip.as_deref());
    let addresses = (address.clone(), preview_address(page.id()));
    Ok(Show::ok(OfficePage {
        search: OfficeSearch::run(&state.ports, &query, zip, page.mode(), addresses).await,
        shell: Shell::of(Section::Office.label(page.mode()), Section::Office, &page),
        notice: done(&query),
        office: page.item.position_name().map(str::to_owned),
        state: link.and_then(|link| link.position.state.clone()),
        district: link
            .and_then(|it| it.effective_district())
            .map(|it| shown_district(&it.district)),
        is_set_by_hand: link.is_some_and(|link| link.district_manually_set),
        custom: format!("{address}/custom"),
        district_page: format!("{address}/district"),
    }))
}

/// What a change led to.
fn done(query: &Fields) -> Option<Notice> {
    let (heading, sentence) = match query.text("done") {
        "office" => {
            ("Your office is changed", "Your data now comes from the district of this office.")
        }
        "district" => ("Your district is changed", "Your data now comes from this district."),
        _ => return None,
    };
    Some(Notice::new(Kind::Success, heading, sentence))
}
