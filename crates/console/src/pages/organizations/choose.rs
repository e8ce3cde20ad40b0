//! `GET /app`: goes to the only organization, else offers all of them.

use actix_web::{Either, HttpResponse};
use askama::Template;

use crate::{
    components::switcher::{Choice, choices},
    failure::Failure,
    navigation::Section,
    page::{Page, Show, see},
    session::WithOrganizations,
    shell::Shell,
};

/// Organizations to choose from.
#[derive(Template)]
#[template(path = "organizations/choose.html")]
pub(crate) struct ChoosePage {
    shell: Shell,
    choices: Vec<Choice>,
}

impl Page for ChoosePage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    of: WithOrganizations,
) -> Result<Either<HttpResponse, Show<ChoosePage>>, Failure> {
    if let [only] = of.organizations.as_slice() {
        return Ok(Either::Left(see(&Section::Overview.address(only.id))));
    }
    let heading = if of.organizations.is_empty() { "Welcome" } else { "Your organizations" };
    let shell = Shell::of_organizations(heading, &of);
    Ok(Either::Right(Show::ok(ChoosePage { shell, choices: choices(&of.organizations, of.today) })))
}
