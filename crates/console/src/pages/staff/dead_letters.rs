//! `GET /app/staff/dead-letters`: organizations that could not be synced to Clerk; and `POST`, which retries
//! one or all.

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use winserve_domain::{
    base::OrganizationId,
    clerk::{self, DeadLetter},
    organizations::OrganizationReference,
};
use winserve_http::AppState;

use super::{dead_letters_address, organization_address, search_address};
use crate::{
    components::notice::{Kind, Notice},
    failure::Failure,
    form::{Query, Submitted},
    page::{Page, Show, see},
    session::StaffVisitor,
    shell::Shell,
};

/// Rows shown at most.
const SHOWN: i64 = 100;

/// The dead letters.
#[derive(Template)]
#[template(path = "staff/dead_letters.html")]
pub(crate) struct DeadLettersPage {
    shell: Shell,
    action: String,
    back: String,
    notice: Option<Notice>,
    letters: Vec<Row>,
    may_be_more: bool,
}

struct Row {
    organization: String,
    address: String,
    reason: String,
    attempts: u32,
    since: String,
    is_deletion: bool,
}

impl Page for DeadLettersPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    StaffVisitor(visitor): StaffVisitor,
    Query(query): Query,
) -> Result<Show<DeadLettersPage>, Failure> {
    let letters = clerk::dead_letters(&state.ports, SHOWN).await?;
    let retried = query.filled("retried").and_then(|count| count.parse::<u32>().ok());
    Ok(Show::ok(DeadLettersPage {
        shell: Shell::of_visitor("Not synced to Clerk", &visitor),
        action: dead_letters_address(),
        back: search_address(),
        notice: retried.map(|count| {
            Notice::new(
                Kind::Success,
                "Queued",
                format!("{count} will be tried again within a minute."),
            )
        }),
        may_be_more: i64::try_from(letters.len()).unwrap_or(SHOWN) >= SHOWN,
        letters: letters.into_iter().map(row).collect(),
    }))
}

fn row(letter: DeadLetter) -> Row {
    Row {
        organization: letter.organization.to_string(),
        address: organization_address(letter.organization),
        reason: letter.reason,
        attempts: letter.attempts,
        since: letter.since.format("%Y-%m-%d %H:%M UTC").to_string(),
        is_deletion: letter.is_deletion,
    }
}

pub(crate) async fn submit(
    state: Data<AppState>,
    Submitted { by: _staff, fields }: Submitted<StaffVisitor>,
) -> Result<HttpResponse, Failure> {
    let one = fields.filled("organization").map(organization).transpose()?;
    let count = clerk::retry_dead_letters(&state.ports, one).await?;
    Ok(see(&format!("{}?retried={count}", dead_letters_address())))
}

fn organization(text: &str) -> Result<OrganizationId, Failure> {
    match OrganizationReference::parse(text) {
        Some(OrganizationReference::Ours(id)) => Ok(id),
        Some(OrganizationReference::Clerk(_)) | None => Err(Failure::UnreadableForm),
    }
}
