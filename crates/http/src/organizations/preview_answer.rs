//! Shared by both previews: the answer.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use winserve_domain::{
    contacts::ContactsError, organizations::ChangePreview, saved_filters::SavedFilter,
};

use super::OrganizationAnswer;
use crate::{contacts, error::ErrorCode, saved_filters::FilterProblemAnswer};

/// What a change of an organization would do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationPreview)]
pub(crate) struct PreviewAnswer {
    /// The organization as the change would leave it.
    organization: OrganizationAnswer,
    /// Whether its contacts would be others, or none.
    changes_contacts: bool,
    contacts: ContactsPreview,
    /// The saved filters that would select other people, and those with a `problem`.
    saved_filters: Vec<AffectedFilter>,
}

/// The contacts that the organization would have.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationPreviewContacts)]
struct ContactsPreview {
    /// How many; null if they cannot be counted.
    count: Option<i64>,
    /// Whether the voter file has the district; null if there is none, or if nobody could say.
    is_district_known: Option<bool>,
    /// Why they cannot be counted: the code with which `GET /v1/contacts` would refuse.
    problem: Option<ErrorCode>,
}

/// A saved filter that is affected.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationPreviewFilter)]
struct AffectedFilter {
    id: i32,
    name: Option<String>,
    /// How many voters it selected when it was saved.
    voter_count: Option<i32>,
    problem: Option<FilterProblemAnswer>,
}

/// The preview as it is on a day.
impl From<(ChangePreview, NaiveDate)> for PreviewAnswer {
    fn from((preview, today): (ChangePreview, NaiveDate)) -> Self {
        Self {
            organization: (preview.after, today).into(),
            changes_contacts: preview.changes_contacts,
            contacts: preview.contacts.into(),
            saved_filters: preview.filters.into_iter().map(AffectedFilter::from).collect(),
        }
    }
}

impl From<Result<i64, ContactsError>> for ContactsPreview {
    fn from(counted: Result<i64, ContactsError>) -> Self {
        match counted {
            Ok(count) => Self { count: Some(count), is_district_known: Some(true), problem: None },
            Err(error) => {
                let problem = contacts::refusal(error, contacts::NOT_COUNTED).code;
                let is_district_known = (problem == ErrorCode::NoVoterData).then_some(false);
                Self { count: None, is_district_known, problem: Some(problem) }
            }
        }
    }
}

impl From<SavedFilter> for AffectedFilter {
    fn from(filter: SavedFilter) -> Self {
        let SavedFilter { id, content, .. } = filter;
        Self {
            id: id.0,
            problem: FilterProblemAnswer::of(&content),
            voter_count: content.voter_count,
            name: content.name,
        }
    }
}
