//! The voters of an organization, `/v1/contacts…` (legacy contract §5.5, design §5, D8).
//!
//! A route finds out once which product it answers for; from there on types see to it that no political
//! party gets into an elected official's answer.

mod answers;
mod area;
pub(crate) mod count;
mod downloads;
mod file_body;
pub(crate) mod get_by_id;
pub(crate) mod get_download;
pub(crate) mod get_page;
pub(crate) mod get_stats;
mod schema;

pub use self::downloads::Downloads;
use serde_json::Value;
use winserve_domain::{
    base::{SavedFilterId, StoreError},
    contacts::{self, ContactsError, ContactsRequest, PeopleUnavailable, Product},
    organizations::ActiveOrganization,
    positions::ElectorateError,
    saved_filters::{Criteria, Segment, UnknownValue, UnusableFilter, VoterFilter as _},
};

use crate::{
    AppState,
    error::{ApiError, ErrorCode},
    openapi::refuses,
    saved_filters,
    validation::{Issue, PathItem},
};

/// What a request asks for by `segment`; what cannot be one names none.
fn segment(text: Option<&str>) -> Result<Segment, ApiError> {
    Segment::parse(text.unwrap_or_default()).ok_or_else(saved_filters::not_found)
}

/// What has to be known before people-api is asked.
async fn ask_before(
    state: &AppState,
    active: &ActiveOrganization,
    segment: Segment,
) -> Result<ContactsRequest, ApiError> {
    let filter: Option<SavedFilterId> = match segment {
        Segment::Saved(id) => Some(id),
        Segment::All | Segment::CellPhone | Segment::Landline => None,
    };
    let of = active.clone();
    let asked = state
        .ports
        .database
        .read("contacts.ask_before", move |uow| contacts::ask_before_contacts(uow, &of, filter))
        .await?;
    Ok(asked)
}

/// What a segment selects for a product.
fn filter<P: Product>(segment: Segment, request: &ContactsRequest) -> Result<P::Filter, ApiError> {
    if let Some(saved) = &request.filter {
        return Ok(P::Filter::saved(saved)?);
    }
    let built_in = Criteria::built_in(segment).map(P::Filter::from);
    built_in.ok_or_else(saved_filters::not_found)
}

impl From<UnusableFilter> for ApiError {
    fn from(filter: UnusableFilter) -> Self {
        let UnusableFilter::UnknownValues(values) = filter else {
            return saved_filters::not_found();
        };
        let issue = |UnknownValue { member, value }: UnknownValue| {
            let message = format!("The voter file has no voters with the value {value}");
            let path = [PathItem::Key(member.to_owned())];
            Issue::new("custom", &path, message, Value::Null)
        };
        let message = "The voter file does not have what the filter selects by: change the filter, then try again";
        Self::invalid_filter(message, values.into_iter().map(issue).collect())
    }
}

fn pro_required(message: &'static str) -> ApiError {
    ApiError::client(ErrorCode::ProRequired, message)
}

impl From<ContactsError> for ApiError {
    fn from(error: ContactsError) -> Self {
        match error {
            ContactsError::Gone => Self::no_organization(),
            ContactsError::NoFilter => saved_filters::not_found(),
            ContactsError::Store(error) => error.into(),
        }
    }
}

impl From<ElectorateError> for ApiError {
    fn from(error: ElectorateError) -> Self {
        let (message, legacy_code) = match error {
            ElectorateError::DetailsMissing => {
                ("Campaign details are missing", "DATA_INTEGRITY_CAMPAIGN_DETAILS_MISSING")
            }
            ElectorateError::StateInvalid => {
                ("Invalid state code in campaign data", "DATA_INTEGRITY_CAMPAIGN_STATE_INVALID")
            }
            ElectorateError::DistrictMissing => (
                "Campaign path to victory data is missing required election information",
                "DATA_INTEGRITY_P2V_ELECTION_INFO_MISSING",
            ),
            ElectorateError::ApprovalRequired => {
                let message = "Statewide or federal contacts require admin approval";
                return Self::client(ErrorCode::ApprovalRequired, message);
            }
        };
        Self::client(ErrorCode::DistrictUnresolved, message).with_legacy_code(legacy_code)
    }
}

refuses!(PeopleUnavailable: UpstreamFailed, UpstreamTimeout, NoVoterData, NoStatistics);
refuses!(ElectorateError: DistrictUnresolved, ApprovalRequired, UpstreamFailed, UpstreamTimeout);
refuses!(
    ContactsError: NoOrganization, NotFound, InvalidFilter;
    StoreError; ElectorateError; PeopleUnavailable
);

/// Searching, and taking a file along, by a campaign that does not pay.
enum NotPaid {}

refuses!(NotPaid: ProRequired);
