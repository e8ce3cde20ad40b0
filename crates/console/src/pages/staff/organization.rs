//! `GET /app/staff/organizations/{organization}`: anybody's organization, the forms that change it, and its
//! history.

use actix_web::web::{Data, Path};
use askama::Template;
use winserve_domain::{
    organizations::{self, EventFacts, HistoryEntry, OrganizationItem, OrganizationReference},
    positions::{BallotLevel, District},
};
use winserve_http::AppState;

use super::{change, organization_address, user::shown_status, user_address};
use crate::{
    components::{
        field::Field,
        notice::{Kind, Notice},
        switcher,
    },
    failure::Failure,
    form::Query,
    page::{Page, Show},
    pages::office::shown_district,
    session::StaffVisitor,
    shell::Shell,
};

/// Events shown at most.
const EVENTS: i64 = 50;

/// Anybody's organization.
#[derive(Template)]
#[template(path = "staff/organization.html")]
pub(crate) struct OrganizationPage {
    shell: Shell,
    facts: Vec<(&'static str, String)>,
    owner: String,
    owner_address: String,
    notice: Option<Notice>,
    preview: String,
    position: Field,
    kind: Field,
    name: Field,
    /// The district that a reset brings back, if there is an override.
    reset: Option<String>,
    federal: Option<(bool, &'static str)>,
    history: Vec<Entry>,
}

impl Page for OrganizationPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// An event as people read it.
struct Entry {
    when: String,
    what: &'static str,
    who: String,
    before: String,
    after: String,
}

pub(crate) async fn show(
    state: Data<AppState>,
    StaffVisitor(visitor): StaffVisitor,
    id: Path<String>,
    Query(query): Query,
) -> Result<Show<OrganizationPage>, Failure> {
    let reference = OrganizationReference::parse(&id).ok_or(Failure::NoSuchPage)?;
    let item = organizations::find(&state.ports, reference, None).await?;
    let history = organizations::history(&state.ports, item.id, EVENTS).await?;
    let link = item.link.as_ref();
    let own = link.and_then(|link| link.district_override.as_ref());
    let of_position = link.and_then(|link| link.position.l2_district.as_ref());
    let done = "The organization was changed. It is in the history below.";
    Ok(Show::ok(OrganizationPage {
        shell: Shell::of_visitor(&item.name(), &visitor),
        owner: item.owner.email.clone(),
        owner_address: user_address(item.owner.id),
        notice: query.is_ticked("done").then(|| Notice::new(Kind::Success, "Done", done)),
        preview: format!("{}/preview", organization_address(item.id)),
        position: Field::text(change::POSITION, "Position id of BallotReady").required(),
        kind: Field::text(change::KIND, "District type")
            .hint("L2's name, such as City_Ward")
            .required(),
        name: Field::text(change::NAME, "District name").required(),
        reset: own.map(|_| {
            of_position.map_or_else(|| "none".to_owned(), |it| shown_district(&it.district))
        }),
        federal: visitor.is_admin().then_some(if item.can_download_federal {
            (true, "Forbid statewide and federal data")
        } else {
            (false, "Allow statewide and federal data")
        }),
        facts: facts(&item, shown_status(item.status(state.ports.today()))),
        history: history.into_iter().map(entry).collect(),
    }))
}

fn facts(item: &OrganizationItem, status: &str) -> Vec<(&'static str, String)> {
    let link = item.link.as_ref();
    let position = link.map(|link| &link.position);
    let none = || "None".to_owned();
    let shown = |district: Option<&District>| district.map_or_else(none, shown_district);
    let own = link.and_then(|link| link.district_override.as_ref()).map(|it| &it.district);
    let inherited = position.and_then(|it| it.l2_district.as_ref()).map(|it| &it.district);
    let text = |text: Option<&str>| text.map_or_else(none, str::to_owned);
    let by_hand = link.is_some_and(|link| link.district_manually_set);
    vec![
        (
            "Kind",
            if item.elected_office.is_some() { "Elected Office" } else { "Campaign" }.to_owned(),
        ),
        ("Status", status.to_owned()),
        ("Details", switcher::detail(item)),
        ("Id", item.id.to_string()),
        ("Clerk organization", text(item.clerk_organization_id.as_deref())),
        ("Position", text(item.position_name())),
        ("Position id", position.map_or_else(none, |it| it.id.to_string())),
        ("State", text(position.and_then(|it| it.state.as_deref()))),
        ("Ballot level", text(position.and_then(|it| it.ballot_level).map(BallotLevel::as_str))),
        ("District of the position", shown(inherited)),
        ("District override", shown(own)),
        ("Chosen by hand", if by_hand { "Yes" } else { "No" }.to_owned()),
        (
            "Statewide and federal data",
            if item.can_download_federal { "Allowed" } else { "Not allowed" }.to_owned(),
        ),
    ]
}

fn entry(HistoryEntry { event, author }: HistoryEntry) -> Entry {
    let facts = |facts: Option<&EventFacts>| facts.map(shown_facts).unwrap_or_default();
    Entry {
        when: event.created_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        what: shown_kind(&event.kind),
        before: facts(event.before.as_ref()),
        after: facts(event.after.as_ref()),
        who: author.unwrap_or(event.actor),
    }
}

/// A kind of event as people read it.
fn shown_kind(kind: &str) -> &'static str {
    match kind {
        "organization.created" => "Created",
        "organization.changed" => "Changed",
        "organization.deleted" => "Deleted",
        "office.won" => "Office won",
        "district.wanted" => "District wanted",
        _ => "Other",
    }
}

fn shown_facts(facts: &EventFacts) -> String {
    let position = facts.position_id.as_ref().map(|id| format!("position {id}"));
    let district = facts.district.as_ref().map(|it| {
        let district = District { kind: it.kind.clone(), name: it.name.clone() };
        format!("override {}", shown_district(&district))
    });
    let by_hand = facts.is_manual.filter(|is| *is).map(|_| "chosen by hand".to_owned());
    let federal = facts.can_download_federal.filter(|is| *is).map(|_| "statewide data".to_owned());
    [position, district, by_hand, federal].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
