//! `GET /app/o/{organization}`: the home of an organization, with what to do next.

use askama::Template;
use winserve_domain::organizations::access::Capabilities;
use winserve_http::ErrorCode;

use crate::{
    components::{
        notice::{Kind, Notice},
        switcher,
    },
    failure::Failure,
    mode::{Mode, Words},
    navigation::Section,
    page::{Page, Show},
    session::InOrganization,
    shell::Shell,
};

/// The home of an organization.
#[derive(Template)]
#[template(path = "organizations/overview.html")]
pub(crate) struct OverviewPage {
    shell: Shell,
    detail: String,
    words: &'static Words,
    is_office: bool,
    notices: Vec<Notice>,
    contacts: String,
    lists: String,
    polls: String,
    result: String,
    profile: String,
}

impl Page for OverviewPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(page: InOrganization) -> Result<Show<OverviewPage>, Failure> {
    let address = |section: Section| section.address(page.id());
    let mode = page.mode();
    Ok(Show::ok(OverviewPage {
        shell: Shell::of(&page.item.name(), Section::Overview, &page),
        detail: switcher::detail(&page.item),
        words: mode.words(),
        is_office: mode.is_office(),
        notices: notices(&page, mode),
        contacts: address(Section::Contacts),
        lists: address(Section::Lists),
        polls: address(Section::Polls),
        result: address(Section::Result),
        profile: address(Section::Profile),
    }))
}

/// What is missing, most important first.
fn notices(page: &InOrganization, mode: Mode) -> Vec<Notice> {
    let item = &page.item;
    let words = mode.words();
    let office = Section::Office.address(page.id());
    let mut notices = Vec::new();
    let link = item.link.as_ref();
    if item.problem.is_some() {
        notices.push(Notice::new(
            Kind::Warning,
            "A part of this cannot be shown",
            "Its office is damaged. Our staff can repair it: write to our support.",
        ));
    } else if !link.is_some_and(|link| link.position.is_chosen()) {
        notices.push(
            Notice::new(
                Kind::Info,
                "No office yet",
                "Find your office: your district comes with it.",
            )
            .with_link(office, "Find your office"),
        );
    } else if link.and_then(|link| link.effective_district()).is_none() {
        let sentence = format!("Choose a district to see its {}.", words.people);
        notices.push(
            Notice::new(Kind::Warning, "No district yet", sentence)
                .with_link(office, "Choose a district"),
        );
    } else if !Capabilities::of(item).contacts {
        notices.push(Notice::of(ErrorCode::ApprovalRequired));
    }
    if !mode.is_office() && !item.is_paid_for {
        let sentence = "Searching, downloading and saving lists need Pro.";
        notices.push(Notice::new(Kind::Info, "This campaign is free", sentence));
    }
    notices
}
