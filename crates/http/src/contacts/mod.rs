//! The voters of an organization, `/v1/contacts…` (legacy contract §5.5, design §5, D8).
//!
//! The operations of `winserve-domain` decide which product an answer is for; types ensure that no political
//! party gets into an elected official's.

mod answers;
mod downloads;
mod file_body;
pub(crate) mod get_by_id;
pub(crate) mod get_download;
pub(crate) mod get_page;
pub(crate) mod get_stats;
pub(crate) mod post_count;
mod schema;

pub use self::{downloads::Downloads, get_download::download_contacts};
use serde_json::Value;
use winserve_domain::{
    base::StoreError,
    contacts::{ContactsError, PeopleUnavailable},
    positions::ElectorateError,
    saved_filters::{SavedFilterError, UnknownValue, UnusableFilter},
};

use crate::{
    error::{ApiError, ErrorCode},
    openapi::refuses,
    saved_filters,
    validation::{Issue, PathItem},
};

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

/// The message if people-api does not count.
pub(crate) const NOT_COUNTED: &str = "Failed to count contacts with people API";

/// What a client sees of an error; `failed` is the message if people-api did not answer.
pub(crate) fn refusal(error: ContactsError, failed: &'static str) -> ApiError {
    match error {
        ContactsError::Gone => ApiError::no_organization(),
        ContactsError::ProRequired => {
            ApiError::client(ErrorCode::ProRequired, "Campaign is not pro")
        }
        ContactsError::NoFilter => saved_filters::not_found(),
        ContactsError::Party(flags) => SavedFilterError::Party(flags).into(),
        ContactsError::Unusable(filter) => filter.into(),
        ContactsError::Electorate(error) => error.into(),
        ContactsError::WholeState => {
            let message = "Could not resolve state, district type, and district name";
            ApiError::client(ErrorCode::DistrictUnresolved, message)
        }
        ContactsError::NoStatistics => {
            ApiError::client(ErrorCode::NoStatistics, "Statistics are not computed yet")
        }
        ContactsError::Election(error) => {
            ApiError::upstream("The voter district could not be looked up", error)
        }
        ContactsError::People(error) => ApiError::upstream(failed, error),
        ContactsError::Store(error) => error.into(),
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

/// Searching and downloading require that the campaign pays.
enum NotPaid {}

refuses!(NotPaid: ProRequired);
