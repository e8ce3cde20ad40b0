//! Saved lists of an organization.

pub(crate) mod copy;
pub(crate) mod count_again;
pub(crate) mod delete;
pub(crate) mod done;
pub(crate) mod duplicate;
pub(crate) mod edit;
mod form;
pub(crate) mod groups;
pub(crate) mod index;
pub(crate) mod rename;
pub(crate) mod sentence;

use actix_web::HttpRequest;
use winserve_domain::base::SavedFilterId;

use crate::{failure::Failure, navigation::Section, session::InOrganization};

/// The list that an address names.
fn named(request: &HttpRequest) -> Result<SavedFilterId, Failure> {
    let id = request.match_info().query("list").parse();
    id.map(SavedFilterId).map_err(|_no_number| Failure::NoSuchPage)
}

/// The address of a page or form of a list.
fn address(page: &InOrganization, id: SavedFilterId, what: &str) -> String {
    format!("{}/{}/{what}", Section::Lists.address(page.id()), id.0)
}
