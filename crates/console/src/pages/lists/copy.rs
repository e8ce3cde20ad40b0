//! `/app/o/{organization}/lists/{list}/copy`: copies a list to another organization of the user.

use actix_web::{Either, HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use winserve_domain::{
    organizations::{OrganizationItem, access::Capabilities},
    saved_filters::{self, SavedFilter},
};
use winserve_http::AppState;

use super::{address, done, groups, named, sentence::sentence};
use crate::{
    components::{
        field::{ErrorSummary, Field},
        list_picker::name,
        switcher,
    },
    failure::Failure,
    form::Submitted,
    navigation::Section,
    page::{Page, Show, see},
    session::InOrganization,
    shell::Shell,
};

/// Where to copy a list.
#[derive(Template)]
#[template(path = "lists/copy.html")]
pub(crate) struct CopyPage {
    shell: Shell,
    action: String,
    lists: String,
    name: String,
    sentence: String,
    errors: Option<ErrorSummary>,
    /// `None` if there is no other organization that can have lists.
    to: Option<Field>,
    /// Parties that a copy to an office lacks.
    party: Option<String>,
}

impl Page for CopyPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
    request: HttpRequest,
) -> Result<Show<CopyPage>, Failure> {
    let list = saved_filters::find(&state.ports, page.active.clone(), named(&request)?).await?;
    Ok(Show::ok(CopyPage::new(&page, &list, None)))
}

pub(crate) async fn copy(
    state: Data<AppState>,
    Submitted { by: page, fields }: Submitted<InOrganization>,
    request: HttpRequest,
) -> Result<Either<Show<CopyPage>, HttpResponse>, Failure> {
    let (id, from) = (named(&request)?, page.active.clone());
    let Some((to, active)) = page.another(fields.text(TO)) else {
        let list = saved_filters::find(&state.ports, from, id).await?;
        let form = CopyPage::new(&page, &list, Some("Choose one of your organizations."));
        return Ok(Either::Left(Show::refused(form, StatusCode::UNPROCESSABLE_ENTITY)));
    };
    let copied = saved_filters::copy(&state.ports, from, id, active).await?;
    Ok(Either::Right(see(&done::copied(&page, &to.id.to_string(), &copied.left_out))))
}

/// The field of the other organization.
const TO: &str = "to";

impl CopyPage {
    fn new(page: &InOrganization, list: &SavedFilter, error: Option<&str>) -> Self {
        let others = page.of.organizations.iter().filter(|item| item.id != page.id());
        let others = others.filter(|item| Capabilities::of(item).save_segments);
        let label =
            |item: &OrganizationItem| format!("{}, {}", item.name(), switcher::detail(item));
        let others: Vec<_> = others.map(|item| (item.id.to_string(), label(item))).collect();
        let to = (!others.is_empty())
            .then(|| Field::choice(TO, "Copy to", others).required().error(error));
        let party = list.content.party();
        let party: Vec<_> = party.iter().filter_map(|flag| groups::party(flag.key())).collect();
        Self {
            shell: Shell::of("Copy list", Section::Lists, page),
            action: address(page, list.id, "copy"),
            lists: Section::Lists.address(page.id()),
            name: name(list).to_owned(),
            sentence: sentence(&list.content, page.mode()),
            errors: ErrorSummary::new(None, to.iter()),
            to,
            party: (!party.is_empty()).then(|| party.join(", ")),
        }
    }
}
