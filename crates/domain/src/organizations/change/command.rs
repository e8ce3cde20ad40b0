//! A wanted change of an organization, and why it is refused.

use std::sync::Arc;

use crate::{
    base::{StoreError, UserId},
    campaigns::FederalDataForbidden,
    organizations::{OrganizationError, OrganizationItem, OrganizationReference},
    positions::{CustomOfficeChange, District, ElectionUnavailable},
};

/// Who changes an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationAuthor {
    /// The user, or whom somebody acts for; `None` for staff and machines, who may change anybody's.
    pub owner: Option<UserId>,
    /// Whether it is staff or a machine, though the organization may be their own.
    pub is_staff_or_machine: bool,
    /// Whether it is an admin or a machine: only they open statewide and federal data.
    pub is_admin_or_machine: bool,
    /// Who really does, for the trail: such as `user:7` or `machine:mch_1`.
    pub actor: String,
}

/// An office that takes the place of the former one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfficeChange {
    /// One that BallotReady knows, by its id as the client writes it.
    BallotReady(String),
    /// One that was typed in, or what of it changes.
    Custom(CustomOfficeChange),
    /// None: nothing is chosen any more.
    Cleared,
}

/// A district as a client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistrictChoice {
    /// By election-api's id, in whatever state.
    Id(String),
    /// By type and name, in the state of the position.
    Named(District),
}

/// A wanted change; what is absent stays.
#[derive(Clone)]
pub struct ChangeOrganization {
    /// Which.
    pub reference: OrganizationReference,
    /// Who.
    pub author: OrganizationAuthor,
    /// Another office.
    pub office: Option<OfficeChange>,
    /// Whether the holder's own district outlives another office.
    pub keep_district: bool,
    /// Another district chosen by hand, or none any more.
    pub district: Option<Option<DistrictChoice>>,
    /// Whether statewide and federal voter data are allowed.
    pub can_download_federal: Option<bool>,
    /// Whether the organization is still as the client saw it, if the client cares.
    pub precondition: Option<Precondition>,
}

/// Says whether an organization is as a client saw it.
pub type Precondition = Arc<dyn Fn(&OrganizationItem) -> bool + Send + Sync>;

/// Why an organization was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeOrganizationError {
    /// It could not be read.
    #[error(transparent)]
    Unreadable(#[from] OrganizationError),
    /// It is not as the client saw it.
    #[error("the organization has changed")]
    Stale,
    /// A typed-in office needs a name.
    #[error("the office has no name")]
    NoOfficeName,
    /// election-api does not know the position.
    #[error("there is no such position")]
    UnknownPosition,
    /// election-api does not know the district, or not in the state of the position.
    #[error("there is no such district in the state")]
    UnknownDistrict,
    /// The author may not reach the voters of a whole state, or of another one.
    #[error("the district needs permission")]
    DistrictForbidden,
    /// The author may not open statewide and federal data.
    #[error(transparent)]
    FederalDataForbidden(#[from] FederalDataForbidden),
    /// election-api gave no answer that the change could do without.
    #[error(transparent)]
    ElectionUnavailable(#[from] ElectionUnavailable),
    /// The organization changed each time that election-api was asked about it.
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
