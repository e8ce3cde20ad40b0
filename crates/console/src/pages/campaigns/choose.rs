//! `GET /app/new-campaign`: the search for the office to run for. With `from`, the office of an organization is
//! run for again, and there is nothing to search.

use actix_web::{Either, HttpResponse, web::Data};
use askama::Template;
use url::form_urlencoded;
use winserve_http::AppState;

use super::{address, preview_address, wish::FROM};
use crate::{
    components::office_search::OfficeSearch,
    failure::Failure,
    form::Query,
    mode::Mode,
    page::{Page, Show, see},
    session::WithOrganizations,
    shell::Shell,
};

/// The search for the office of a new campaign.
#[derive(Template)]
#[template(path = "campaigns/choose.html")]
pub(crate) struct ChooseOfficePage {
    shell: Shell,
    /// Offices that may be run for again, each with the address.
    held: Vec<(String, String)>,
    search: OfficeSearch,
    custom: String,
}

impl Page for ChooseOfficePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    of: WithOrganizations,
    Query(query): Query,
) -> Result<Either<HttpResponse, Show<ChooseOfficePage>>, Failure> {
    if let Some(from) = query.filled(FROM) {
        return Ok(Either::Left(see(&again(from))));
    }
    let zip = of.visitor.user.user.zip.as_deref();
    let addresses = (address(), preview_address());
    let offices = of.organizations.iter().filter(|item| item.elected_office.is_some());
    Ok(Either::Right(Show::ok(ChooseOfficePage {
        search: OfficeSearch::run(&state.ports, &query, zip, Mode::Campaign, addresses).await,
        held: offices.map(|item| (item.name(), again(&item.id.to_string()))).collect(),
        shell: Shell::of_organizations("Which office do you run for?", &of),
        custom: format!("{}/custom", address()),
    })))
}

/// The address where the office of an organization is run for again.
fn again(organization: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!("{}?{}", preview_address(), query.append_pair(FROM, organization).finish())
}
