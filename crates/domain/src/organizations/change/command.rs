//! A requested change of an organization, and why it is refused.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::{
    base::{StoreError, UserId},
    campaigns::FederalDataForbidden,
    organizations::{OrganizationError, OrganizationItem, OrganizationReference},
    positions::{CustomOfficeChange, District, ElectionUnavailable},
};

/// Who changes an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationAuthor {
    /// The user, or the impersonated user; `None` for staff and machines, who may change any
    /// organization.
    pub owner: Option<UserId>,
    /// Whether the author is staff or a machine, even if the organization is their own.
    pub is_staff_or_machine: bool,
    /// Whether the author is an admin or a machine: only they enable statewide and federal data.
    pub is_admin_or_machine: bool,
}

/// An office that replaces the previous one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfficeChange {
    /// A BallotReady office, by its id as written by the client.
    BallotReady(String),
    /// A typed-in office, or its changed parts.
    Custom(CustomOfficeChange),
    /// None: no office is chosen anymore.
    Cleared,
}

/// A district as named by a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistrictChoice {
    /// By election-api's id, in any state.
    Id(String),
    /// By type and name, in the state of the position.
    Named(District),
}

/// A requested change; `None` keeps a value.
#[derive(Clone)]
pub struct ChangeOrganization {
    /// The organization.
    pub reference: OrganizationReference,
    /// The author.
    pub author: OrganizationAuthor,
    /// Another office.
    pub office: Option<OfficeChange>,
    /// Whether to keep the holder's own district with another office.
    pub keep_district: bool,
    /// Another district chosen by hand, or none.
    pub district: Option<Option<DistrictChoice>>,
    /// Whether statewide and federal voter data are allowed.
    pub can_download_federal: Option<bool>,
    /// The day of the general election for the office of a campaign; an elected office has none.
    pub election_day: Option<NaiveDate>,
    /// Checks that the organization is unchanged since the client read it, if the client asks for
    /// that.
    pub precondition: Option<Precondition>,
}

/// Checks whether an organization is unchanged since a client read it.
pub type Precondition = Arc<dyn Fn(&OrganizationItem) -> bool + Send + Sync>;

/// Why an organization was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeOrganizationError {
    /// It could not be read.
    #[error(transparent)]
    Unreadable(#[from] OrganizationError),
    /// It has changed since the client read it.
    #[error("the organization has changed")]
    Stale,
    /// A typed-in office needs a name.
    #[error("the office has no name")]
    NoOfficeName,
    /// election-api does not know the position.
    #[error("there is no such position")]
    UnknownPosition,
    /// election-api does not know the district at all, or not in the position's state.
    #[error("there is no such district in the state")]
    UnknownDistrict,
    /// The author may not access the voters of a whole state or of another state.
    #[error("the district needs permission")]
    DistrictForbidden,
    /// The author may not enable statewide and federal data.
    #[error(transparent)]
    FederalDataForbidden(#[from] FederalDataForbidden),
    /// election-api did not answer a lookup that the change requires.
    #[error(transparent)]
    ElectionUnavailable(#[from] ElectionUnavailable),
    /// The organization changed during every lookup in election-api.
    #[error("the organization keeps changing while election-api is asked about it")]
    AnswerOutdated,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChangeOrganizationError {
    pub(super) const fn is_outdated(&self) -> bool {
        matches!(self, Self::AnswerOutdated)
    }
}
