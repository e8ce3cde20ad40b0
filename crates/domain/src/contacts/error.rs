//! Why contacts are not shown.

use crate::{
    base::StoreError,
    contacts::PeopleUnavailable,
    positions::{ElectionUnavailable, ElectorateError},
    saved_filters::{Flag, UnusableFilter},
};

/// Why contacts are not shown.
#[derive(Debug, thiserror::Error)]
pub enum ContactsError {
    /// The organization was deleted in the meantime.
    #[error("the organization no longer exists")]
    Gone,
    /// The campaign is not paid.
    #[error("this requires a paid campaign")]
    ProRequired,
    /// There is no such filter, or it belongs to another organization: without it everybody would
    /// be selected.
    #[error("there is no such filter")]
    NoFilter,
    /// The filter selects by political party, for an elected office.
    #[error("an elected official may not select by political party")]
    Party(Vec<Flag>),
    /// The filter cannot be applied.
    #[error(transparent)]
    Unusable(#[from] UnusableFilter),
    /// The electorate is unknown.
    #[error(transparent)]
    Electorate(#[from] ElectorateError),
    /// There are no statistics for a whole state.
    #[error("the district is a whole state")]
    WholeState,
    /// Statistics of the district are not computed yet.
    #[error("the statistics are not computed yet")]
    NoStatistics,
    /// The district could not be looked up.
    #[error(transparent)]
    Election(#[from] ElectionUnavailable),
    /// people-api gave no answer.
    #[error(transparent)]
    People(#[from] PeopleUnavailable),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
