//! `/app/o/{organization}/lists/{list}/delete`: asks first.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use winserve_domain::saved_filters;
use winserve_http::AppState;

use super::{address, done::Done, named, sentence::sentence};
use crate::{
    components::list_picker::name,
    failure::Failure,
    form::Submitted,
    navigation::Section,
    page::{Page, Show, see},
    session::InOrganization,
    shell::Shell,
};

/// Asks whether a list is to be deleted.
#[derive(Template)]
#[template(path = "lists/delete.html")]
pub(crate) struct DeletePage {
    shell: Shell,
    action: String,
    lists: String,
    name: String,
    sentence: String,
}

impl Page for DeletePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    request: HttpRequest,
) -> Result<Show<DeletePage>, Failure> {
    let id = named(&request)?;
    let list = saved_filters::find(&state.ports, page.active.clone(), id).await?;
    Ok(Show::ok(DeletePage {
        shell: Shell::of("Delete list", Section::Lists, &page),
        action: address(&page, id, "delete"),
        lists: Section::Lists.address(page.id()),
        name: name(&list).to_owned(),
        sentence: sentence(&list.content, page.mode()),
    }))
}

pub(crate) async fn delete(
    state: Data<AppState>,
    Submitted { by: page, .. }: Submitted<InOrganization>,
    request: HttpRequest,
) -> Result<HttpResponse, Failure> {
    saved_filters::delete(&state.ports, page.active.clone(), named(&request)?).await?;
    Ok(see(&Done::Deleted.lists(&page)))
}
