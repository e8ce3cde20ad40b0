//! `GET /app/o/{organization}`: the home of an organization, with what to do next.

use actix_web::web::Data;
use askama::Template;
use chrono::NaiveDate;
use winserve_domain::{
    offices::Status,
    organizations::{OrganizationItem, access::Capabilities},
    saved_filters,
};
use winserve_http::{AppState, ErrorCode};

use crate::{
    ROOT,
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
    next: Step,
    saved_lists: usize,
    contacts: String,
    lists: String,
    polls: String,
    result: String,
    profile: String,
}

/// What brings an organization forward.
struct Step {
    heading: String,
    sentence: String,
    address: String,
    action: &'static str,
}

impl Page for OverviewPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

pub(crate) async fn show(
    state: Data<AppState>,
    page: InOrganization,
) -> Result<Show<OverviewPage>, Failure> {
    let saved_lists = saved_filters::list(&state.ports, page.active.clone()).await?.len();
    let address = |section: Section| section.address(page.id());
    let mode = page.mode();
    Ok(Show::ok(OverviewPage {
        shell: Shell {
            heading: page.item.name(),
            ..Shell::of("Overview", Section::Overview, &page)
        },
        detail: switcher::detail(&page.item),
        words: mode.words(),
        is_office: mode.is_office(),
        notices: notices(&page.item, mode),
        next: next(&page.item, saved_lists, page.of.today),
        saved_lists,
        contacts: address(Section::Contacts),
        lists: address(Section::Lists),
        polls: address(Section::Polls),
        result: address(Section::Result),
        profile: address(Section::Profile),
    }))
}

/// What is missing or limited, most important first. What the visitor can add is the next step instead.
fn notices(item: &OrganizationItem, mode: Mode) -> Vec<Notice> {
    let mut notices = Vec::new();
    if item.problem.is_some() {
        notices.push(Notice::new(
            Kind::Warning,
            "A part of this cannot be shown",
            "Its office is damaged. Our staff can repair it: write to our support.",
        ));
    } else if has_district(item) && !Capabilities::of(item).contacts {
        notices.push(Notice::of(ErrorCode::ApprovalRequired));
    }
    if item.clerk_organization_id.is_none() {
        let heading = format!("This {} is still being set up", mode.words().organization);
        let sentence = "That takes a few minutes. Everything on these pages works meanwhile.";
        notices.push(Notice::new(Kind::Info, heading, sentence));
    }
    if !mode.is_office() && !item.is_paid_for {
        let sentence =
            "Looking up voters is free. Searching, downloading and saving lists need Pro.";
        notices.push(Notice::new(Kind::Info, "This campaign is free", sentence));
    }
    notices
}

fn has_district(item: &OrganizationItem) -> bool {
    item.link.as_ref().is_some_and(|link| link.effective_district().is_some())
}

/// What to do next: first what everything else needs, then what the calendar says, then the daily work.
fn next(item: &OrganizationItem, saved_lists: usize, today: NaiveDate) -> Step {
    let mode = Mode::of(item.kind);
    let words = mode.words();
    let people = words.people;
    let address = |section: Section| section.address(item.id);
    let is_chosen = item.link.as_ref().is_some_and(|link| link.position.is_chosen());
    if !is_chosen {
        return Step {
            heading: "No office yet".to_owned(),
            sentence: "Find your office: your district comes with it.".to_owned(),
            address: address(Section::Office),
            action: "Find your office",
        };
    }
    if !has_district(item) {
        return Step {
            heading: "No district yet".to_owned(),
            sentence: format!("Choose a district to see its {people}."),
            address: address(Section::Office),
            action: "Choose a district",
        };
    }
    match (mode, item.status(today)) {
        (Mode::Campaign, Status::Past) => after_election_day(item),
        (Mode::Office, Status::Past) => Step {
            heading: "Your term is over".to_owned(),
            sentence: "Do you want to hold this office again, or another one?".to_owned(),
            address: format!("{ROOT}/new-campaign?from={}", item.id),
            action: "Start a campaign",
        },
        _ if saved_lists == 0 && Capabilities::of(item).save_segments => Step {
            heading: format!("Which {people} do you want to reach first?"),
            sentence: format!(
                "Choose them by age, home, language and more, and save a {}.",
                words.list
            ),
            address: address(Section::Lists),
            action: "Create list",
        },
        _ => Step {
            heading: format!("Who are your {people}?"),
            sentence: format!("See the {people} of your district, and what they have in common."),
            address: address(Section::Contacts),
            action: "Open the data",
        },
    }
}

fn after_election_day(item: &OrganizationItem) -> Step {
    let is_recorded = item.campaign.as_ref().is_some_and(|campaign| campaign.did_win.is_some());
    if is_recorded {
        return Step {
            heading: "This election is over".to_owned(),
            sentence: "Its data stays here. A new campaign begins with an office.".to_owned(),
            address: format!("{ROOT}/new-campaign"),
            action: "Run for a new office",
        };
    }
    Step {
        heading: "How did the election end?".to_owned(),
        sentence: "If you won, your office opens with the same district.".to_owned(),
        address: Section::Result.address(item.id),
        action: "Record the result",
    }
}
