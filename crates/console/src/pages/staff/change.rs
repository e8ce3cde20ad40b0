//! `GET /app/staff/organizations/{organization}/preview`: what a change would do; and
//! `POST /app/staff/organizations/{organization}`, which makes it.

use std::sync::Arc;

use actix_web::{
    Either, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use winserve_domain::{
    organizations::{
        self, ChangeOrganization, ChangeOrganizationError, ChangePreview, DistrictChoice,
        OfficeChange, OrganizationAuthor, OrganizationItem, OrganizationReference, Precondition,
    },
    positions::District,
    saved_filters::FilterProblem,
};
use winserve_http::{ApiError, AppState};

use super::organization_address;
use crate::{
    components::{count, notice::Notice},
    failure::Failure,
    form::{Fields, Query, Submitted},
    mode::Mode,
    page::{Page, Show, see},
    pages::office::shown_district,
    session::{StaffVisitor, Visitor},
    shell::Shell,
};

/// Fields of the forms.
pub(super) const POSITION: &str = "position";
pub(super) const KIND: &str = "type";
pub(super) const NAME: &str = "name";
/// The version that the visitor looked at.
const SEEN: &str = "seen";

/// A change before it is made.
#[derive(Template)]
#[template(path = "staff/preview.html")]
pub(crate) struct PreviewPage {
    shell: Shell,
    outcome: Result<Effect, Notice>,
    fields: Fields,
    action: String,
}

impl Page for PreviewPage {
    fn shell(&self) -> &Shell {
        &self.shell
    }
}

/// What a change would do.
struct Effect {
    /// What is shown of an organization: name, before, after.
    facts: Vec<(&'static str, String, String)>,
    people: String,
    /// Saved lists that select other people, and whether one selects by values that are not there.
    lists: Vec<(String, bool)>,
    seen: String,
}

pub(crate) async fn show(
    state: Data<AppState>,
    StaffVisitor(visitor): StaffVisitor,
    id: Path<String>,
    Query(fields): Query,
) -> Result<Show<PreviewPage>, Failure> {
    let command = command(&visitor, &id, &fields)?;
    let preview = organizations::preview(&state.ports, command).await;
    Ok(PreviewPage::show(&visitor, &id, fields, preview.map(effect)))
}

pub(crate) async fn submit(
    state: Data<AppState>,
    id: Path<String>,
    Submitted { by: StaffVisitor(visitor), fields }: Submitted<StaffVisitor>,
) -> Result<Either<HttpResponse, Show<PreviewPage>>, Failure> {
    let command = command(&visitor, &id, &fields)?;
    Ok(match organizations::change(&state.ports, command).await {
        Ok(item) => Either::Left(see(&format!("{}?done=1", organization_address(item.id)))),
        Err(error) => Either::Right(PreviewPage::show(&visitor, &id, fields, Err(error))),
    })
}

impl PreviewPage {
    fn show(
        visitor: &Visitor,
        id: &str,
        fields: Fields,
        outcome: Result<Effect, ChangeOrganizationError>,
    ) -> Show<Self> {
        let action = format!("{}/staff/organizations/{id}", crate::ROOT);
        let shell = Shell::of_visitor("Check the change", visitor);
        match outcome {
            Ok(effect) => Show::ok(Self { shell, outcome: Ok(effect), fields, action }),
            Err(error) => {
                let error = ApiError::from(error);
                error.log_source();
                let notice = Notice::of(error.code()).with_link(action.clone(), "Go back");
                let page = Self { shell, outcome: Err(notice), fields, action };
                Show::refused(page, error.code().status())
            }
        }
    }

    /// The fields that make the change.
    fn repeated(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.repeatable().filter(|(name, _)| name != SEEN)
    }
}

/// The change that the fields name. What a visitor may change, the operation decides.
fn command(visitor: &Visitor, id: &str, fields: &Fields) -> Result<ChangeOrganization, Failure> {
    let office = fields.filled(POSITION).map(|id| OfficeChange::BallotReady(id.to_owned()));
    let named = fields.filled(KIND).zip(fields.filled(NAME)).map(|(kind, name)| {
        DistrictChoice::Named(District { kind: kind.to_owned(), name: name.to_owned() })
    });
    let seen = fields.filled(SEEN).map(str::to_owned);
    Ok(ChangeOrganization {
        reference: OrganizationReference::parse(id).ok_or(Failure::NoSuchPage)?,
        author: OrganizationAuthor {
            owner: None,
            is_staff_or_machine: true,
            is_admin_or_machine: visitor.is_admin(),
        },
        office,
        keep_district: false,
        district: named.map(Some).or_else(|| fields.is_ticked("reset").then_some(None)),
        can_download_federal: fields.filled("federal").map(|value| value == "yes"),
        election_day: None,
        precondition: seen.map(unchanged_since),
    })
}

fn unchanged_since(seen: String) -> Precondition {
    Arc::new(move |item: &OrganizationItem| version(item) == seen)
}

/// The version of an organization, for [`SEEN`].
fn version(item: &OrganizationItem) -> String {
    item.updated_at.timestamp_micros().to_string()
}

fn effect(preview: ChangePreview) -> Effect {
    let ChangePreview { before, after, contacts, filters, .. } = preview;
    let fact = |name, of: fn(&OrganizationItem) -> String| (name, of(&before), of(&after));
    Effect {
        facts: vec![
            fact("Position", position),
            fact("District", district),
            fact("Statewide and federal data", federal),
        ],
        people: count::shown(contacts, Mode::of(after.kind)),
        lists: filters
            .into_iter()
            .map(|filter| {
                let has_problem = FilterProblem::of(&filter.content).is_some();
                (
                    filter.content.name.unwrap_or_else(|| "List without a name".to_owned()),
                    has_problem,
                )
            })
            .collect(),
        seen: version(&before),
    }
}

fn position(item: &OrganizationItem) -> String {
    item.position_name().unwrap_or("None").to_owned()
}

fn district(item: &OrganizationItem) -> String {
    let district = item.link.as_ref().and_then(|link| link.effective_district());
    district.map_or_else(|| "None".to_owned(), |it| shown_district(&it.district))
}

fn federal(item: &OrganizationItem) -> String {
    if item.can_download_federal { "Allowed" } else { "Not allowed" }.to_owned()
}
