//! The switcher: leads from a page of one organization to the same page of another.
//!
//! Without script it is a disclosure with links; the script adds arrow keys and the search.

use askama::{Template, filters::HtmlSafe};
use chrono::{Datelike as _, NaiveDate};
use winserve_domain::{
    base::OrganizationId,
    offices::{Status, Term},
    organizations::OrganizationItem,
};

use crate::{ROOT, days, mode::Mode, navigation::Section};

/// From how many organizations on they are grouped.
const GROUPED_FROM: usize = 4;
/// From how many organizations on they can be searched.
const SEARCHED_FROM: usize = 8;

/// The switcher of a page.
#[derive(Template)]
#[template(path = "components/switcher.html")]
pub(crate) struct Switcher {
    /// The organization of the page; `None` on a page about none.
    current: Option<Choice>,
    groups: Vec<Group>,
    is_searchable: bool,
    re_election: Option<String>,
    new_campaign: String,
}

impl HtmlSafe for Switcher {}

/// Organizations under a heading.
struct Group {
    heading: Option<&'static str>,
    choices: Vec<Choice>,
}

/// An organization to choose.
#[derive(Clone)]
pub(crate) struct Choice {
    /// Where the choice leads.
    pub(crate) address: String,
    /// The organization's name.
    pub(crate) name: String,
    /// Office, place and year or term: what tells two of the same name apart.
    pub(crate) detail: String,
    /// Whether it is an elected office's.
    pub(crate) is_office: bool,
    /// Whether it is a campaign that pays.
    pub(crate) is_pro: bool,
    /// Whether it is over.
    pub(crate) is_past: bool,
    /// Whether it begins later.
    pub(crate) is_upcoming: bool,
    /// Whether the page is about it.
    pub(crate) is_current: bool,
}

impl Switcher {
    /// The switcher of a page in a section of an organization.
    pub(crate) fn new(
        items: &[OrganizationItem],
        today: NaiveDate,
        current: Option<OrganizationId>,
        section: Section,
    ) -> Self {
        let choices: Vec<_> =
            items.iter().map(|item| choice(item, today, current, section)).collect();
        let re_election = items.iter().find(|item| may_run_again(item, today));
        Self {
            current: choices.iter().find(|choice| choice.is_current).cloned(),
            is_searchable: choices.len() >= SEARCHED_FROM,
            groups: groups(choices),
            re_election: re_election
                .map(|office| format!("{ROOT}/new-campaign?from={}", office.id)),
            new_campaign: format!("{ROOT}/new-campaign"),
        }
    }
}

/// Organizations to choose from, on a page about none.
pub(crate) fn choices(items: &[OrganizationItem], today: NaiveDate) -> Vec<Choice> {
    items.iter().map(|item| choice(item, today, None, Section::Overview)).collect()
}

/// The office of the latest term is the first: the list is in that order. The page behind it says whether
/// anything speaks against it.
fn may_run_again(item: &OrganizationItem, today: NaiveDate) -> bool {
    let is_office = item.elected_office.is_some();
    is_office && item.status(today) != Status::Upcoming && item.position_name().is_some()
}

fn groups(choices: Vec<Choice>) -> Vec<Group> {
    if choices.len() < GROUPED_FROM {
        return vec![Group { heading: None, choices }];
    }
    let (offices, campaigns): (Vec<_>, Vec<_>) =
        choices.into_iter().partition(|choice| choice.is_office);
    [("Offices", offices), ("Campaigns", campaigns)]
        .into_iter()
        .filter(|(_, choices)| !choices.is_empty())
        .map(|(heading, choices)| Group { heading: Some(heading), choices })
        .collect()
}

fn choice(
    item: &OrganizationItem,
    today: NaiveDate,
    current: Option<OrganizationId>,
    section: Section,
) -> Choice {
    let mode = Mode::of(item.kind);
    let status = item.status(today);
    Choice {
        address: section.after_switch(item.id, mode),
        name: item.name(),
        detail: detail(item),
        is_office: mode.is_office(),
        is_pro: item.is_paid_for && !mode.is_office(),
        is_past: status == Status::Past,
        is_upcoming: status == Status::Upcoming,
        is_current: current == Some(item.id),
    }
}

/// The second line: office, place, and year or term.
pub(crate) fn detail(item: &OrganizationItem) -> String {
    let office = (!Mode::of(item.kind).is_office())
        .then(|| item.position_name().unwrap_or("No office yet").to_owned());
    let term = item.elected_office.as_ref().and_then(|office| years(office.term));
    // The line also stands on pages of an office, which do not speak of elections.
    let date = item.campaign.as_ref().map(|campaign| {
        let undated =
            || format!("no date yet, started {}", days::shown(item.created_at.date_naive()));
        campaign.election_day().map_or_else(undated, days::shown)
    });
    [office, place(item), term, date].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Where the office is.
fn place(item: &OrganizationItem) -> Option<String> {
    let position = &item.link.as_ref()?.position;
    let parts =
        [position.city.as_deref().or(position.county.as_deref()), position.state.as_deref()];
    let place = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    (!place.is_empty()).then_some(place)
}

/// The years of a term.
fn years(term: Term) -> Option<String> {
    let (first, end) = (term.first_day(), term.end());
    match (first, end) {
        (Some(first), Some(end)) => Some(format!("{}–{}", first.year(), end.year())),
        (Some(first), None) => Some(format!("since {}", first.year())),
        (None, Some(end)) => Some(format!("until {}", end.year())),
        (None, None) => None,
    }
}
