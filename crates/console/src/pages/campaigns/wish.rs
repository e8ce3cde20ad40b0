//! The campaign that an address or a form names.

use serde_json::Map;
use url::form_urlencoded;
use uuid::Uuid;
use winserve_domain::{
    campaigns::{RunFor, StartCampaign},
    organizations::{OrganizationItem, RequestKey},
    positions::{BallotReadyId, OfficeChoice},
};

use crate::{
    components::custom_office, days, failure::Failure, form::Fields, session::WithOrganizations,
};

/// The field with the organization whose office is run for again.
pub(super) const FROM: &str = "from";
/// The field that makes a form repeatable.
pub(super) const KEY: &str = "request_key";
/// The field with the day of the election, and the answer of the candidate that it becomes.
pub(super) const DATE: &str = "date";
const ELECTION_DATE: &str = "electionDate";

/// The campaign that the fields name.
pub(super) fn command(of: &WithOrganizations, fields: &Fields) -> Result<StartCampaign, Failure> {
    let office = match held(of, fields)? {
        Some(item) => {
            let office = item.elected_office.as_ref().ok_or(Failure::NoSuchPage)?;
            RunFor::Held(office.id.clone())
        }
        None => RunFor::Chosen(chosen(fields).ok_or(Failure::UnreadableForm)?),
    };
    let day = days::typed(fields.filled(DATE)).ok().flatten();
    let details = day.map(|day| (ELECTION_DATE.to_owned(), day.to_string().into()));
    let request = fields.filled(KEY).and_then(|key| RequestKey::of_client(key, digest(fields)));
    let owner = of.visitor.user.user.id;
    Ok(StartCampaign { owner, office, details: Map::from_iter(details), request })
}

/// The organization whose office is run for again, one of the visitor's.
pub(super) fn held<'o>(
    of: &'o WithOrganizations,
    fields: &Fields,
) -> Result<Option<&'o OrganizationItem>, Failure> {
    let Some(named) = fields.filled(FROM) else { return Ok(None) };
    let found = of.organizations.iter().find(|item| item.id.to_string() == named);
    found.map(Some).ok_or(Failure::NoSuchPage)
}

fn chosen(fields: &Fields) -> Option<OfficeChoice> {
    if describes(fields) {
        return custom_office::is_complete(fields)
            .then(|| OfficeChoice::Custom(custom_office::office(fields)));
    }
    let id = BallotReadyId::parse(fields.text("position"))?;
    Some(OfficeChoice::Known { id, office: None, ballot_level: None, level: None, state: None })
}

/// Whether the fields describe an office that the search does not know.
pub(super) fn describes(fields: &Fields) -> bool {
    fields.all("office").next().is_some()
}

/// Tells requests apart that use the same key.
fn digest(fields: &Fields) -> String {
    let mut asked = form_urlencoded::Serializer::new(String::new());
    asked.extend_pairs(fields.repeatable().filter(|(name, _)| name != KEY));
    Uuid::new_v5(&Uuid::NAMESPACE_URL, asked.finish().as_bytes()).to_string()
}
